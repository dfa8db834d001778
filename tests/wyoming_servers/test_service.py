"""The service on real sockets: who is heard, who is told what, and what is left when they have gone."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.info import Info as WyomingInfo
from wyoming.ping import Ping, Pong

from models.engine import BadInput, EngineError
from wyoming_servers import service
from wyoming_servers.service import Client, Service, Session
from wyoming_servers.wire import (
    BadValue,
    Connection,
    ConnectionLost,
    Info,
    Limits,
    PeerError,
    UnsupportedAudio,
    connect,
    connect_to,
    describe,
    encode,
    expect,
)


class Recorder(Session):
    """Does what the event's type says, and keeps account."""

    alive: list[Recorder] = []  # noqa: RUF012 - emptied for each test

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.seen: list[str] = []
        self.resets = 0
        self.cancelled = 0
        self.ended = False
        Recorder.alive.append(self)

    async def handle(self, event: Event) -> None:
        self.seen.append(event.type)
        match event.type:
            case "echo":
                await self.client.send(event)
            case "hang":
                await self._hang()
            case "spawn":
                self.client.spawn(self._hang())
            case "spawn-fail":
                self.client.spawn(self._fail())
            case "flood":
                while True:
                    await self.client.send(Event("flood", payload=bytes(50_000)))
            case "bad-value":
                raise UnsupportedAudio("no such sound")
            case "bad-input":
                raise BadInput("no such voice")
            case "engine":
                raise EngineError("out of breath")
            case "bug":
                raise ZeroDivisionError
            case "end-hangs":
                self.end = self._hang  # type: ignore[method-assign]

    async def _hang(self) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _fail(self) -> None:
        raise BadValue("spawned and failed")

    async def reset(self) -> None:
        self.resets += 1

    async def end(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def recorders() -> Iterator[list[Recorder]]:
    Recorder.alive = []
    yield Recorder.alive
    Recorder.alive = []


@asynccontextmanager
async def serving(limits: Limits | None = None, uri: str = "tcp://127.0.0.1:0") -> AsyncIterator[str]:
    before = asyncio.all_tasks()
    async with Service(Info(), Recorder, limits=limits).listen(uri) as bound:
        yield bound
    assert asyncio.all_tasks() == before


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the test looks from outside
            await asyncio.sleep(0.01)


async def error_of(connection: Connection) -> PeerError:
    with pytest.raises(PeerError) as caught:
        await expect(connection, "never", 60)
    return caught.value


def talk(uri: str, data: bytes) -> str:
    """Send `data`, end our side, and return all that the server says. A connection reset would raise."""
    host, port = uri.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    return received.decode()


@pytest.fixture(params=["tcp", "unix"])
def any_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "tcp://127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path / 'socket'}"


async def test_the_librarys_client(any_uri: str) -> None:
    async with serving(uri=any_uri) as uri, AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        received = await client.read_event()
        assert received is not None
        assert WyomingInfo.from_event(received) == WyomingInfo()
        for event in (Event("echo", {"text": "ü"}), Event("echo", {}, b"payload")):
            await client.write_event(event)
            assert await client.read_event() == event


async def test_describe_and_ping_are_answered_while_the_session_works(recorders: list[Recorder]) -> None:
    async with serving() as uri, connect_to(uri) as connection:
        for event in (Event("hang"), Event("echo"), Ping(text="there?").event(), Describe().event()):
            await connection.send(event)
        assert Pong.from_event(await expect(connection, "pong", 60)).text == "there?"
        await expect(connection, "info", 60)
        assert recorders[0].seen == ["hang"]


async def test_ping_with_nonsense_is_a_pong() -> None:
    async with serving() as uri, connect_to(uri) as connection:
        for text in (5, ["x"], None, "y" * 2000):
            await connection.send(Event("ping", {"text": text}))
            assert Pong.from_event(await expect(connection, "pong", 60)).text is None


async def test_events_come_in_order_and_one_at_a_time() -> None:
    async with serving() as uri, connect_to(uri) as connection:
        for number in range(200):
            await connection.send(Event("echo", {"number": number}))
        assert [(await expect(connection, "echo", 60)).data["number"] for _ in range(200)] == list(range(200))


async def test_the_end_of_a_connection_cancels_its_work(recorders: list[Recorder]) -> None:
    async with serving() as uri:
        async with connect_to(uri) as connection:
            for event in (Event("spawn"), Event("spawn"), Event("hang")):
                await connection.send(event)
            await until(lambda: bool(recorders) and len(recorders[0].seen) == 3)
        await until(lambda: recorders[0].ended)
        assert recorders[0].cancelled == 3


async def test_work_that_is_cancelled_before_it_began_leaves_no_trace(recorders: list[Recorder]) -> None:
    class Hasty(Recorder):
        async def handle(self, event: Event) -> None:
            self.client.spawn(self._hang())
            self.client.cancel()
            await self.client.send(event)

    async with Service(Info(), Hasty).listen("tcp://127.0.0.1:0") as uri, connect_to(uri) as connection:
        await connection.send(Event("echo"))
        await expect(connection, "echo", 60)
    assert recorders[0].cancelled == 0


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("bad-value", "unsupported-audio", "no such sound"),
        ("bad-input", "bad-value", "no such voice"),
        ("engine", "engine", "out of breath"),
        ("spawn-fail", "bad-value", "spawned and failed"),
    ],
)
async def test_a_request_that_fails_is_told_and_the_next_succeeds(
    kind: str, code: str, text: str, recorders: list[Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as uri, connect_to(uri) as connection:
        await connection.send(Event(kind))
        error = await error_of(connection)
        assert (error.code, error.text) == (code, text)
        await connection.send(Event("echo"))
        await expect(connection, "echo", 60)
        assert recorders[0].resets == (0 if kind == "spawn-fail" else 1)
    assert not caplog.records


async def test_our_own_mistakes_are_logged_and_told_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as uri, connect_to(uri) as connection:
        await connection.send(Event("bug"))
        error = await error_of(connection)
        assert error.code == "internal"
        assert "ZeroDivision" not in error.text
        await connection.send(Event("echo"))
        await expect(connection, "echo", 60)
    [record] = caplog.records
    assert "unexpected error" in record.message
    assert record.exc_info


ROWS = {
    "list": b"[1,2]\n",
    "number": b"5\n",
    "null": b"null\n",
    "string length": b'{"type":"a","data_length":"5"}\n',
    "float length": b'{"type":"a","data_length":5.0}\n',
    "infinite length": b'{"type":"a","data_length":Infinity}\n',
    "nested": b'{"type":"a","data":' + b"[" * 60_000 + b"\n",
    "nested data": b'{"type":"a","data_length":60000}\n' + b"[" * 60_000,
    "bad json": b"{nonsense}\n",
    "bad utf-8": b'{"type":"\xff\xfe"}\n',
    "long line": b"{" + b" " * 70_000,
    "empty line": b"\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "huge payload": b'{"type":"a","payload_length":1000000000000}\n' + bytes(2_000_000),
    "large payload": b'{"type":"a","payload_length":1048577}\n' + bytes(1_048_577),
    "large data": b'{"type":"a","data_length":1048577}\n' + bytes(1_048_577),
    "truncated payload": b'{"type":"a","payload_length":10}\n12345',
    "truncated data": b'{"type":"a","data_length":10}\n{"x":',
    "truncated line": b'{"type":"a',
}


@pytest.mark.parametrize("row", ROWS)
async def test_lost_framing_is_told_and_ends_that_connection_alone(row: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as uri, connect_to(uri) as other:
        answer = await asyncio.to_thread(talk, uri, ROWS[row])
        [error] = [Error(**json.loads(line)) for line in answer.splitlines() if '"text"' in line]
        assert error.text
        assert error.code
        await other.send(Event("echo"))
        await expect(other, "echo", 60)
    assert not caplog.records


@pytest.mark.parametrize(
    "bad", [b"{}\n", b'{"type":"a","data":null,"data_length":2}\n{}', b'{"type":"a","data":[],"data_length":2}\n{}']
)
async def test_a_bad_event_is_told_and_the_connection_lives(bad: bytes) -> None:
    async with serving() as uri:
        reader, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"))
        writer.write(bad + encode(Event("echo")))
        assert b"error" in await reader.readline()
        assert b"bad-value" in await reader.readline() or b"echo" in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_one_connection_too_many_takes_the_place_of_the_longest_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_ACTIVE_S", 0.0)
    async with serving(Limits(connections=3)) as uri, AsyncExitStack() as stack:
        first, second, third = [await stack.enter_async_context(connect_to(uri)) for _ in range(3)]
        for connection in (first, second, third):
            await connection.send(Ping())
            await expect(connection, "pong", 60)
        await first.send(Ping())
        await expect(first, "pong", 60)
        fourth = await stack.enter_async_context(connect_to(uri))
        await fourth.send(Ping())
        assert (await error_of(second)).code == "busy"
        await until(lambda: not second.is_open)
        for connection in (first, third, fourth):
            await connection.send(Event("echo"))
            await expect(connection, "echo", 60)


async def test_who_is_active_keeps_the_place() -> None:
    async with serving(Limits(connections=1)) as uri, connect_to(uri) as speaker:
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)
        with pytest.raises(PeerError, match="at work here"):
            await describe(uri)
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)


async def test_half_an_event_keeps_no_place() -> None:
    async with serving(Limits(connections=1)) as uri:
        reader, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"))
        writer.write(b"{")
        await asyncio.sleep(0.1)
        await describe(uri)
        assert b"busy" in await reader.read()
        writer.close()


async def test_those_that_say_nothing_take_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_ACTIVE_S", 0.0)
    async with serving(Limits(connections=1, quiet=3)) as uri, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(connect_to(uri))
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)
        quiet = [await stack.enter_async_context(connect_to(uri)) for _ in range(5)]
        for connection in quiet[:2]:
            assert (await error_of(connection)).code == "busy"
        assert all(connection.is_open for connection in quiet[2:])
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)
        await quiet[3].send(Event("echo"))
        await expect(quiet[3], "echo", 60)
        assert (await error_of(speaker)).code == "busy"


async def test_a_burst_of_connections_in_one_moment() -> None:
    async with serving(Limits(connections=2)) as uri:
        host, port = uri.removeprefix("tcp://").split(":")
        sockets = [socket.create_connection((host, int(port))) for _ in range(50)]  # the server has no turn meanwhile
        await describe(uri)
        for sock in sockets:
            sock.close()


async def test_where_all_are_at_work_one_more_is_told_busy(recorders: list[Recorder]) -> None:
    async with serving(Limits(connections=2)) as uri, connect_to(uri) as one, connect_to(uri) as two:
        await one.send(Event("hang"))
        await two.send(Event("spawn"))
        await until(lambda: sum(len(recorder.seen) for recorder in recorders) == 2)
        with pytest.raises(PeerError) as caught:
            await describe(uri)
        assert caught.value.code == "busy"
        await two.close()
        await until(lambda: any(recorder.ended for recorder in recorders))
        await describe(uri)


async def test_who_failed_keeps_no_place() -> None:
    async with serving(Limits(connections=2)) as uri:
        sockets = []
        for _ in range(20):
            _, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"))
            writer.write(b"nonsense")
            sockets.append(writer)
        await asyncio.sleep(0.1)
        await describe(uri)
        for writer in sockets:
            writer.close()


async def test_idle_is_told_but_not_while_there_is_work() -> None:
    async with serving(Limits(idle_s=0.3)) as uri, connect_to(uri) as idle, connect_to(uri) as working:
        await working.send(Event("spawn"))
        assert (await error_of(idle)).code == "idle"
        await asyncio.sleep(0.5)
        await working.send(Event("echo"))
        await expect(working, "echo", 60)


async def test_a_client_that_never_reads_is_let_go(recorders: list[Recorder]) -> None:
    async with serving(Limits(stalled_s=0.4)) as uri:
        _, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"), limit=1)
        writer.write(encode(Event("flood")))
        await until(lambda: bool(recorders) and recorders[0].ended)
        await describe(uri)
        writer.transport.abort()


async def test_two_thousand_idle_sockets_keep_nobody_out(recorders: list[Recorder]) -> None:
    async with serving() as uri:
        speaker = await connect(uri)
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)
        host, port = uri.removeprefix("tcp://").split(":")
        sockets = []
        try:
            for number in range(2000):
                sock = socket.socket()
                sockets.append(sock)
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
                if number % 200 == 0:
                    await describe(uri)
            await describe(uri)
            await speaker.send(Event("echo"))
            await expect(speaker, "echo", 60)
            assert sum(not recorder.ended for recorder in recorders) <= Limits().connections
        finally:
            for sock in sockets:
                sock.close()
        await speaker.close()


async def test_where_the_system_gives_no_more_files_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as uri:
        host, port = uri.removeprefix("tcp://").split(":")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as sock:
            resource.setrlimit(resource.RLIMIT_NOFILE, (sock.fileno() + 1, hard))
            try:
                sock.connect((host, int(port)))
                await asyncio.sleep(0.15)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            sock.setblocking(False)
            sock.send(encode(Event("echo")))
            async with asyncio.timeout(60):
                assert await asyncio.get_running_loop().sock_recv(sock, 100) == encode(Event("echo"))
    assert {record.message for record in caplog.records} == {
        "no connection can be accepted: [Errno 24] Too many open files"
    }


async def test_floods_of_tiny_events_leave_others_their_turn() -> None:
    async with serving() as uri:
        flood = encode(Event("unknown")) * 2000

        async def send() -> None:
            _, writer = await asyncio.open_connection(*uri.removeprefix("tcp://").split(":"))
            try:
                while True:
                    writer.write(flood)
                    await writer.drain()
            finally:
                writer.transport.abort()

        floods = [asyncio.create_task(send()) for _ in range(8)]
        await asyncio.sleep(0.2)
        for _ in range(5):
            await describe(uri)
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)


async def test_stopping_tells_who_is_idle_and_cancels_who_works(recorders: list[Recorder]) -> None:
    async with AsyncExitStack() as clients:
        async with serving() as uri:
            idle = await clients.enter_async_context(connect_to(uri))
            working = await clients.enter_async_context(connect_to(uri))
            await working.send(Event("hang"))
            await idle.send(Event("echo"))
            await expect(idle, "echo", 60)
            await until(lambda: any("hang" in recorder.seen for recorder in recorders))
        assert (await error_of(idle)).code == "stopping"
        assert (await error_of(working)).code == "stopping"
        assert all(recorder.ended for recorder in recorders)
        with pytest.raises(ConnectionLost):
            await connect(uri)


async def test_stopping_does_not_wait_for_who_never_reads_or_never_ends(
    recorders: list[Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as clients:
        async with serving() as uri:
            for kind in ("flood", "end-hangs", "spawn"):
                connection = await clients.enter_async_context(connect_to(uri))
                await connection.send(Event(kind))
                connection._pause_reading()
            await until(lambda: sum(len(recorder.seen) for recorder in recorders) == 3)
            began = loop.time()
        assert loop.time() - began < 4.5
    assert [record.message.split(": ")[1] for record in caplog.records] == ["its session did not end within 1 s"]


async def test_everywhere_is_both_ip_versions() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    async with serving(uri="tcp://[::]:0") as uri:
        port = uri.rsplit(":", 1)[1]
        await describe(f"tcp://127.0.0.1:{port}")
        await describe(f"tcp://[::1]:{port}")
    async with serving(uri="tcp://[::1]:0") as uri:
        await describe(uri)
        with pytest.raises(ConnectionLost):
            await describe(uri.replace("[::1]", "127.0.0.1"))


async def test_a_port_in_use(unused_tcp_port: int) -> None:
    uri = f"tcp://127.0.0.1:{unused_tcp_port}"
    async with serving(uri=uri):
        with pytest.raises(OSError, match="in use"):
            async with serving(uri=uri):
                pass
        await describe(uri)


async def test_a_socket_in_use_is_left_to_its_server(tmp_path: Path) -> None:
    uri = f"unix://{tmp_path / 'socket'}"
    async with serving(uri=uri):
        with pytest.raises(OSError, match="in use"):
            async with serving(uri=uri):
                pass
        await describe(uri)
    assert not (tmp_path / "socket").exists()


async def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.is_socket()
    async with serving(uri=f"unix://{path}") as uri:
        await describe(uri)


async def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.write_text("precious")
    with pytest.raises(OSError):
        async with serving(uri=f"unix://{path}"):
            pass
    assert path.read_text() == "precious"


@pytest.mark.parametrize("uri", ["tcp://192.0.2.1:1", "tcp://name.invalid:1", "unix:///does/not/exist/socket"])
async def test_where_one_cannot_listen(uri: str) -> None:
    with pytest.raises(OSError):
        async with serving(uri=uri):
            pass


async def test_an_error_in_the_block_comes_through_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with serving():
            raise ZeroDivisionError


async def test_a_session_that_cannot_be_made_is_told_and_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    def broken(client: Client) -> Session:
        raise ZeroDivisionError

    async with Service(Info(), broken).listen("tcp://127.0.0.1:0") as uri, connect_to(uri) as connection:
        await connection.send(Event("echo"))
        assert (await error_of(connection)).code == "internal"
        assert await connection.receive() is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
