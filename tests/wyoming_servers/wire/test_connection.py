from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.ping import Ping, Pong

from wyoming_servers.wire import (
    BadValue,
    Budget,
    Busy,
    Connection,
    ConnectionLost,
    Limits,
    ProtocolError,
    WireError,
    connect,
    connect_to,
    encode,
)

QUICK = Limits(idle_s=0.4, stalled_s=0.4)


def chunk(payload: bytes) -> Event:
    return Event("audio-chunk", {"rate": 16000, "width": 2, "channels": 1}, payload)


class Peers:
    """The server's ends of the connections that a client opens."""

    def __init__(self, limits: Limits, budget: Budget | None, intercept: Callable[[Connection, Event], bool]) -> None:
        self.opened: asyncio.Queue[Connection] = asyncio.Queue()
        self.all: list[Connection] = []
        peers = self

        class Peer(Connection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                peers.all.append(self)
                peers.opened.put_nowait(self)

        self.make = lambda: Peer(limits, budget=budget, intercept=intercept)


@asynccontextmanager
async def listening(
    limits: Limits | None = None,
    *,
    uri: str = "tcp://127.0.0.1:0",
    budget: Budget | None = None,
    intercept: Callable[[Connection, Event], bool] = lambda *_: False,
) -> AsyncIterator[tuple[str, Peers]]:
    peers = Peers(limits or Limits(), budget, intercept)
    loop = asyncio.get_running_loop()
    if uri.startswith("unix"):
        server: asyncio.Server = await loop.create_unix_server(peers.make, uri.removeprefix("unix://"))
    else:
        server = await loop.create_server(peers.make, "127.0.0.1", 0)
        uri = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield uri, peers
    finally:
        server.close()
        for connection in peers.all:
            await connection.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def raw(uri: str, receive_buffer: int | None = None) -> AsyncIterator[socket.socket]:
    """A socket that does only what the test does."""
    with socket.socket() as sock:
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        host, port = uri.removeprefix("tcp://").split(":")
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
        yield sock


async def read_all(sock: socket.socket) -> bytes:
    """Return what comes until the other side ends; the connection must not be reset."""
    data = b""
    async with asyncio.timeout(60):
        while piece := await asyncio.get_running_loop().sock_recv(sock, 65536):
            data += piece
    return data


async def send_all(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


@pytest.fixture(params=["tcp", "unix"])
def any_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "tcp://127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path / 'socket'}"


async def test_events_both_ways(any_uri: str) -> None:
    async with listening(uri=any_uri) as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        assert client.peer == ("unix socket" if uri.startswith("unix") else uri.removeprefix("tcp://"))
        for sender, receiver in ((client, server), (server, client)):
            await sender.send(Ping(text="ü"))
            await sender.send(chunk(b"12"))
            assert await receiver.receive() == Ping(text="ü").event()
            assert await receiver.receive() == chunk(b"12")


async def test_the_librarys_client_talks_to_us(any_uri: str) -> None:
    async with listening(uri=any_uri) as (uri, peers):
        client = AsyncClient.from_uri(uri)
        async with client:
            server = await peers.opened.get()
            await client.write_event(chunk(b"12"))
            received = await server.receive()
            assert received is not None
            assert received.payload == b"12"
            await server.send(Pong(text="yes"))
            assert await client.read_event() == Pong(text="yes").event()
        assert await server.receive() is None


async def test_the_peers_end_is_none() -> None:
    async with listening() as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        await client.send(Ping(text="last"))
        await client.close()
        assert await server.receive() == Ping(text="last").event()
        assert await server.receive() is None
        assert await server.receive() is None
        with pytest.raises(ConnectionLost):
            await server.send(Ping())
        with pytest.raises(ConnectionLost):
            await client.send(Ping())


async def test_an_end_in_the_middle_of_an_event_is_told() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        await send_all(sock, encode(chunk(b"12345678"))[:-1])
        sock.shutdown(socket.SHUT_WR)
        assert b"middle of an event" in await read_all(sock)
        with pytest.raises(ConnectionLost):
            await server.receive()


async def test_a_bad_event_leaves_the_connection_alive() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        await send_all(sock, b'{"type": 5}\n' + encode(Ping(text="next").event()))
        with pytest.raises(BadValue):
            await server.receive()
        assert await server.receive() == Ping(text="next").event()


async def test_lost_framing_is_told_and_ends_the_connection() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        await send_all(sock, b"GET / HTTP/1.1\r\n")
        answer = await read_all(sock)
        assert b'"type": "error"' in answer
        assert b"bad-header" in answer
        assert b"GET / HTTP" in answer
        with pytest.raises(ProtocolError):
            await server.receive()


async def test_the_error_survives_although_the_peer_is_still_sending() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        await peers.opened.get()
        await send_all(sock, b'{"type": "a", "payload_length": 1000000000000}\n')
        await send_all(sock, bytes(3_000_000))
        assert b"too-large" in await read_all(sock)


async def test_who_never_stops_sending_is_cut_off() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        await send_all(sock, b"nonsense")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            async with asyncio.timeout(60):
                while True:
                    await send_all(sock, bytes(1_000_000))
        assert not server.is_open


async def test_who_is_refused_is_lost_for_its_owner_too() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        server.fail(Busy("no place"), linger=False)
        assert b"no place" in await read_all(sock)
        for _ in range(2):
            with pytest.raises(ConnectionLost, match="no place"):
                await server.receive()


@pytest.mark.parametrize("reset", [True, False])
async def test_who_has_gone_can_be_refused(reset: bool) -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        server.fail(Busy("no place"))  # which is the first to see it
        await server.close()


async def test_few_linger_at_once() -> None:
    budget = Budget(1000)
    async with listening(budget=budget) as (uri, peers):
        writers = []
        for _ in range(3 * Budget.LINGERING):
            _, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"))
            writer.write(b"nonsense")
            writers.append(writer)
        for _ in writers:
            await (await peers.opened.get()).ended()
        assert budget.lingering <= Budget.LINGERING
        for writer in writers:
            writer.close()
        for connection in peers.all:
            await connection.close()
        assert budget.lingering == 0


async def test_an_unfinished_event_may_not_stall() -> None:
    async with listening(QUICK) as (uri, peers), raw(uri) as sock:
        await peers.opened.get()
        await send_all(sock, b'{"type": "audio-chunk", "payload_length": 100}\nabc')
        assert b"stalled" in await read_all(sock)


async def test_an_event_may_come_slowly() -> None:
    async with listening(QUICK) as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        for byte in encode(Event("a")):
            await send_all(sock, bytes([byte]))
            await asyncio.sleep(0.1)
        assert await server.receive() == Event("a")


async def test_idle_connections_end_unless_they_are_worked_for() -> None:
    async with listening(QUICK) as (uri, peers), raw(uri) as lazy, raw(uri) as waiting:
        first, second = await peers.opened.get(), await peers.opened.get()
        first.working = lambda: False
        assert b"idle" in await read_all(lazy)
        await asyncio.sleep(0.5)
        assert second.is_open
        await second.send(Ping(text="still here"))
        assert b"still here" in await asyncio.get_running_loop().sock_recv(waiting, 1000)


async def test_who_never_reads_is_given_up() -> None:
    async with listening(QUICK) as (uri, peers), raw(uri, receive_buffer=4096):
        server = await peers.opened.get()
        with pytest.raises(ConnectionLost, match="took none of its answer"):
            async with asyncio.timeout(60):
                while True:
                    await server.send(chunk(bytes(100_000)))
        assert server._transport is not None
        assert server._transport.get_write_buffer_size() == 0


async def test_what_is_sent_without_waiting_does_not_grow_for_ever() -> None:
    async with listening() as (uri, peers), raw(uri, receive_buffer=4096):
        server = await peers.opened.get()
        with pytest.raises(ConnectionLost, match="takes what it is sent too slowly"):
            for _ in range(1000):
                server.send_nowait(chunk(bytes(100_000)))
        assert not server.is_open
        assert server._transport is not None
        assert server._transport.get_write_buffer_size() == 0


async def test_who_reads_slowly_is_not_given_up() -> None:
    # The kernel takes megabytes ahead of a peer, and asks for more when a third of them is gone: 2 s at this speed.
    async with listening(Limits(stalled_s=1.0)) as (uri, peers), raw(uri, receive_buffer=100_000) as sock:
        server = await peers.opened.get()

        async def answer() -> None:
            while True:
                await server.send(chunk(bytes(20_000)))

        answering = asyncio.create_task(answer())
        for _ in range(200):
            await asyncio.sleep(0.02)
            assert await asyncio.get_running_loop().sock_recv(sock, 10_000)
        assert server.is_open
        answering.cancel()


async def test_nothing_is_read_from_who_does_not_read() -> None:
    def answer(connection: Connection, event: Event) -> bool:
        connection.write(encode(chunk(bytes(50_000))))
        return True

    async with listening(intercept=answer) as (uri, peers), raw(uri, receive_buffer=4096) as sock:
        server = await peers.opened.get()
        sending = asyncio.create_task(send_all(sock, encode(Event("ask")) * 500_000))
        done, _ = await asyncio.wait([sending], timeout=0.5)
        assert not done
        assert server._transport is not None
        assert server._transport.get_write_buffer_size() < 300_000
        sending.cancel()


async def test_audio_faster_than_it_is_worked_on_waits_at_the_sender() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        one_second = encode(chunk(bytes(32_000)))
        sending = asyncio.create_task(send_all(sock, one_second * 3600))
        done, _ = await asyncio.wait([sending], timeout=0.5)
        assert not done
        assert server._waiting_bytes < 600_000
        heard = 0
        while heard < 3600:
            event = await server.receive()
            assert event is not None
            heard += 1 + len(server.take("audio-chunk"))
            assert server._waiting_bytes < 600_000
        await sending


async def test_the_end_of_who_is_not_read_from_is_seen() -> None:
    async with listening(Limits(waiting_bytes=1)) as (uri, peers):
        async with raw(uri) as sock:
            server = await peers.opened.get()
            await send_all(sock, encode(chunk(bytes(1_000))) * 10)
            await asyncio.sleep(0.1)
            await send_all(sock, encode(chunk(bytes(1_000))) * 10)
            assert not server._reading
        async with asyncio.timeout(60):
            await server.ended()


async def test_large_events_share_the_budget() -> None:
    budget = Budget(300_000)
    async with listening(budget=budget) as (uri, peers), connect_to(uri) as first, connect_to(uri) as second:
        await first.send(chunk(bytes(200_000)))
        first_peer = await peers.opened.get()
        received = await first_peer.receive()
        assert received is not None
        second_peer = await peers.opened.get()
        await second.send(chunk(bytes(200_000)))
        with pytest.raises(WireError) as caught:
            await second_peer.receive()
        assert caught.value.code == "busy"
        await second.send(chunk(bytes(2_000)))  # what everybody may always send
        assert await second_peer.receive() is not None
        assert budget.used >= 200_000
        receiving = asyncio.create_task(first_peer.receive())  # done with the first event
        await asyncio.sleep(0)
        assert budget.used == 0
        await second.send(chunk(bytes(200_000)))
        assert await second_peer.receive() is not None
        second_peer.discard()
        assert budget.used == 0
        receiving.cancel()


async def test_an_unfinished_event_gives_its_room_back() -> None:
    budget = Budget(300_000)
    async with listening(budget=budget) as (uri, peers):
        async with raw(uri) as sock:
            server = await peers.opened.get()
            await send_all(sock, encode(chunk(bytes(200_000)))[:1000])
            await asyncio.sleep(0.1)
            assert budget.used
        await server.close()
        assert budget.used == 0


async def test_a_flood_of_tiny_events_leaves_others_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        await send_all(sock, encode(Event("a")) * 10_000)
        counting = asyncio.create_task(others())
        for _ in range(10_000):
            assert await server.receive() == Event("a")
        assert turns >= 9_000
        counting.cancel()


async def test_cancelling_receive_loses_nothing() -> None:
    async with listening() as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        for number in range(50):
            receiving = asyncio.create_task(server.receive())
            await client.send(Ping(text=str(number)))
            for _ in range(number % 6):
                await asyncio.sleep(0)
            receiving.cancel()
            try:
                event = await receiving
            except asyncio.CancelledError:
                event = await server.receive()
            assert event == Ping(text=str(number)).event()


async def test_who_is_patient_is_told_when_there_is_enough() -> None:
    async with listening() as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        server.be_patient("audio-chunk", 6)
        receiving = asyncio.create_task(server.receive())
        for payload in (b"12", b"34"):
            await client.send(chunk(payload))
        await asyncio.sleep(0.1)
        assert not receiving.done()
        assert not server.has_waiting
        await client.send(chunk(b"56"))
        async with asyncio.timeout(60):
            assert await receiving == chunk(b"12")
        assert server.take("audio-chunk") == [chunk(b"34"), chunk(b"56")]
        await client.send(chunk(b"78"))  # patience is for once
        async with asyncio.timeout(60):
            assert await server.receive() == chunk(b"78")


@pytest.mark.parametrize("what", ["another event", "a bad event", "the end", "no room"])
async def test_patience_ends_with(what: str) -> None:
    async with listening(Limits(waiting_bytes=10_000)) as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        server.be_patient("audio-chunk", 100_000)
        receiving = asyncio.create_task(server.receive())
        await client.send(chunk(b"12"))
        if what == "another event":
            await client.send(Event("audio-stop"))
        elif what == "a bad event":
            client.write(b'{"type":""}\n')
        elif what == "the end":
            await client.close()
        else:
            await client.send(*[chunk(b"12")] * 20)
        async with asyncio.timeout(60):
            assert await receiving == chunk(b"12")


async def test_take_returns_only_what_is_there_and_of_that_type() -> None:
    async with listening() as (uri, peers), connect_to(uri) as client:
        server = await peers.opened.get()
        for event in (chunk(b"12"), chunk(b"34"), Event("audio-stop"), chunk(b"56")):
            await client.send(event)
        first = await server.receive()
        await asyncio.sleep(0.1)
        assert first == chunk(b"12")
        assert server.take("audio-chunk") == [chunk(b"34")]
        assert server.take("audio-chunk") == []
        assert await server.receive() == Event("audio-stop")
        assert await server.receive() == chunk(b"56")


async def test_closing_sends_what_was_written() -> None:
    async with listening() as (uri, peers), raw(uri) as sock:
        server = await peers.opened.get()
        server.write(encode(chunk(bytes(1_000_000))))
        closing = asyncio.create_task(server.close())
        assert len(await read_all(sock)) > 1_000_000
        await closing


async def test_closing_does_not_wait_for_who_never_reads() -> None:
    async with listening() as (uri, peers), raw(uri, receive_buffer=4096):
        server = await peers.opened.get()
        server.write(encode(chunk(bytes(9_000_000))))
        async with asyncio.timeout(60):
            await server.close()


async def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionLost, match="cannot be reached"):
            await connect(f"tcp://127.0.0.1:{sock.getsockname()[1]}")


@pytest.mark.parametrize("uri", ["unix:///does/not/exist", f"tcp://{'a' * 70}.invalid:1", "tcp://host.invalid:1"])
async def test_what_cannot_be_reached(uri: str) -> None:
    with pytest.raises(ConnectionLost):
        await connect(uri)


async def test_a_wrong_address() -> None:
    with pytest.raises(BadValue):
        await connect("localhost:10200")


async def test_a_full_queue_is_not_waited_for_long() -> None:
    with socket.socket() as sock, socket.socket() as filler:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        filler.connect(sock.getsockname())
        second = socket.socket()
        second.setblocking(False)
        second.connect_ex(sock.getsockname())
        with pytest.raises(ConnectionLost, match="did not answer"):
            await connect(f"tcp://127.0.0.1:{sock.getsockname()[1]}", timeout=0.2)
        second.close()
