"""Peers that are slow, silent, or too many."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Describe

from bench.rows.core import ALL, SOON_S, Row, RowError, Test, answered, receive, shown, told_and_closed
from bench.rows.framing import PROMISE
from bench.rows.sound import EARS
from wyoming_servers.wire import ConnectionLost, connect_to, encode

_STALLED_S = 15.0
_GIVEN_UP_S = 50.0
_IDLE_SOCKETS = 2000


def crowd() -> list[Row]:
    """Return the rows of many peers at once; to be done at one server after the other."""
    return [
        Row(f"{_IDLE_SOCKETS} idle sockets", ALL, _idle_sockets),
        Row(
            "64 unfinished megabytes of sound",
            ALL,
            _unfinished(b'"type":"audio-chunk","payload_length":1048576', 1 << 20),
        ),
        Row("64 unfinished megabytes of data", ALL, _unfinished(b'"type":"transcript","data_length":1048576', 1 << 20)),
        Row("64 unfinished pictures", ALL, _unfinished(b'"type":"image","payload_length":8388608', 1 << 23)),
        Row("16 floods of tiny events", ALL, _floods),
    ]


def patience() -> list[Row]:
    """Return those that end when a server loses its patience; to be done side by side."""
    text = "one two three " * 300
    return [
        Row("payload that never comes", ALL, told_and_closed(PROMISE + b"only this", _STALLED_S)),
        Row("a byte at a time", ALL, _byte_by_byte),
        Row("describes, never reading", ALL, _never_reading(Describe().event())),
        Row("synthesize, never reading", ("tts",), _never_reading(Event("synthesize", {"text": text}))),
        Row(
            "transcripts, never reading", ("handle",), _never_reading(Event("transcript", {"text": "what time is it"}))
        ),
    ]


def silence(seconds: float) -> list[Row]:
    """Return the row of an hour of silence, of which as much is sent in `seconds` as the server takes."""

    async def test(uri: str) -> None:
        chunk = encode(AudioChunk(16000, 2, 1, bytes(3200)).event())
        async with connect_to(uri) as connection:
            connection.write(encode(AudioStart(16000, 2, 1).event()))
            ends = time.monotonic() + seconds
            for _ in range(36_000):
                if time.monotonic() > ends:
                    break
                connection.write(chunk)
                await connection._writable.wait()
            connection.write(encode(AudioStop().event()))
            if (answer := await receive(connection, seconds + SOON_S)) is None or answer.type == "error":
                raise RowError(f"wanted an answer, got {shown(answer)}")

    return [Row("an hour of silence", EARS, test)]


async def _idle_sockets(uri: str) -> None:
    """They stay open until all are, and a request is answered among them."""
    sockets: list[asyncio.StreamWriter] = []
    host, port = uri.removeprefix("tcp://").split(":")
    try:
        for _ in range(_IDLE_SOCKETS):
            _, writer = await asyncio.open_connection(host, int(port))
            sockets.append(writer)
        await answered(Describe().event(), by=frozenset({"info"}))(uri)
    finally:
        for writer in sockets:
            writer.transport.abort()


def _unfinished(header: bytes, size: int) -> Test:
    """All but the last byte, from many peers, and then a request."""

    async def test(uri: str) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(64):
                connection = await stack.enter_async_context(connect_to(uri))
                connection.write(b"{" + header + b"}\n" + bytes(size - 1))
                stack.callback(connection.abort)
            await asyncio.sleep(1)
            await answered(Describe().event(), by=frozenset({"info"}))(uri)

    return test


async def _floods(uri: str) -> None:
    """As many as go in, for a moment, and then a request."""

    async def flood() -> None:
        async with connect_to(uri) as connection:
            try:
                while connection.is_open:
                    connection.write(encode(Event("no-such-event")) * 1000)
                    await connection._writable.wait()
            finally:
                connection.abort()  # or the kernel would deliver what it holds, for a minute

    floods = [asyncio.create_task(flood()) for _ in range(16)]
    await asyncio.sleep(1)
    try:
        await answered(Describe().event(), by=frozenset({"info"}))(uri)
    finally:
        for one in floods:
            one.cancel()
        await asyncio.gather(*floods, return_exceptions=True)


async def _byte_by_byte(uri: str) -> None:
    """Slow is no fault as long as something comes; what has come is answered."""
    async with connect_to(uri) as connection:
        for byte in encode(Event("ping", {"text": "s"})):
            connection.write(bytes([byte]))
            await asyncio.sleep(0.2)
        if (answer := await receive(connection)) is None or answer.type != "pong":
            raise RowError(f"wanted a pong, got {shown(answer)}")


def _never_reading(event: Event) -> Test:
    """Ask for ever and read nothing: the server gives up, and keeps little of it."""

    async def test(uri: str) -> None:
        async with connect_to(uri) as connection:
            connection._pause_reading()
            flood = encode(event) * 50
            try:
                async with asyncio.timeout(_GIVEN_UP_S):
                    while connection.is_open:
                        connection.write(flood)
                        await connection._writable.wait()
                        await asyncio.sleep(0.001)
            except TimeoutError:
                raise RowError(f"still served after {_GIVEN_UP_S:g} s") from None
            except ConnectionLost:
                pass

    return test
