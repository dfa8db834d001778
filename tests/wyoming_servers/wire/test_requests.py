"""Our client against servers that answer well, badly, too much, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping

from wyoming_servers import wire
from wyoming_servers.wire import (
    BadValue,
    ConnectionLost,
    Info,
    PeerError,
    ProtocolError,
    WireError,
    answer,
    connect_to,
    describe,
    encode,
    expect,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server that does what the test likes."""
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            talks.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def saying(*said: bytes, then_wait: bool = True) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in said:
            writer.write(piece)
            await writer.drain()
        if then_wait:
            await reader.read()

    return talk


async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(encode(Event("audio-chunk", {"rate": 16000, "width": 2, "channels": 1}, bytes(4096))))
        await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'{"type": "info", "data_length": 1000}\n')
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.05)


async def test_describe() -> None:
    async with server(saying(encode(Event("pong")), encode(Info().event()))) as uri:
        assert await describe(uri) == Info()


async def test_answer_and_expect() -> None:
    events = [Event("a"), Event("b"), Event("c")]
    async with server(saying(*map(encode, events))) as uri, connect_to(uri) as connection:
        assert await answer(connection, 5) == Event("a")
        assert await expect(connection, "c", 60) == Event("c")


async def test_an_error_is_raised_as_what_it_says() -> None:
    said = [Error("no", "code").event(), Error("").event(), Event("error", {"text": 5})]
    async with server(saying(*map(encode, said))) as uri, connect_to(uri) as connection:
        with pytest.raises(PeerError, match="no") as caught:
            await answer(connection, 5)
        assert caught.value.code == "code"
        with pytest.raises(PeerError) as caught:
            await expect(connection, "x", 60)
        assert caught.value.code == "peer-error"
        with pytest.raises(BadValue):
            await answer(connection, 5)


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        pytest.param(saying(b"HTTP/1.1 400 Bad Request\r\n"), ProtocolError, id="http"),
        pytest.param(saying(b"\x15\x03\x01\x00\x02"), ProtocolError, id="tls"),
        pytest.param(saying(b"[1]\n"), ProtocolError, id="list"),
        pytest.param(saying(b"{" * 100_000), ProtocolError, id="endless line"),
        pytest.param(saying(b'{"type":"info","data_length":1e9}\n'), ProtocolError, id="float length"),
        pytest.param(saying(b'{"type":"info","payload_length":1000000000000}\n'), ProtocolError, id="huge"),
        pytest.param(saying(b'{"type":"info","data_length":4}\nnull'), BadValue, id="no object"),
        pytest.param(saying(encode(Event("info", {"asr": [{}]}))), BadValue, id="broken info"),
        pytest.param(saying(then_wait=False), ConnectionLost, id="ends at once"),
        pytest.param(saying(b'{"type":"in', then_wait=False), ConnectionLost, id="ends in the middle"),
        pytest.param(saying(), ConnectionLost, id="silent"),
        pytest.param(forever, ConnectionLost, id="never ends"),
        pytest.param(dripping, ConnectionLost, id="byte by byte"),
        pytest.param(saying(encode(Error("go away").event())), PeerError, id="error"),
    ],
)
async def test_garbage_is_an_error_within_the_time(talk: Talk, error: type[WireError]) -> None:
    async with server(talk) as uri, asyncio.timeout(60):
        with pytest.raises(error) as caught:
            await describe(uri, timeout=0.5)
        assert caught.value.text
        assert "\n" not in caught.value.text


async def test_what_is_not_taken_does_not_pile_up() -> None:
    async with server(forever) as uri, connect_to(uri) as connection:
        await asyncio.sleep(0.5)
        assert connection._waiting_bytes < 400_000


async def test_a_server_that_never_reads_does_not_hold_us() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(100)

    async with server(deaf) as uri, asyncio.timeout(60), connect_to(uri) as connection:
        for _ in range(10_000):
            connection.send_nowait(Ping(text="x" * 1000))


async def test_describe_asks_once() -> None:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(encode(Info().event()))
        asked.append(await reader.read())

    async with server(talk) as uri:
        await describe(uri)
        await asyncio.sleep(0.05)
    assert asked == [encode(Describe().event()), b""]


def test_the_public_names() -> None:
    assert wire.__all__ == sorted(wire.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    for name in wire.__all__:
        assert hasattr(wire, name)
