from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable

from wyoming_servers.listening import ListeningSession
from wyoming_servers.service import Client, Service
from wyoming_servers.wire import Busy, Connection, Info, PeerError, connect_to, expect

RATE, WIDTH, CHANNELS = 16_000, 2, 1
START = AudioStart(RATE, WIDTH, CHANNELS)
STOP = AudioStop()


class Ear(ListeningSession):
    """Writes down what it is called with."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.calls: list[str] = []
        self.heard = bytearray()
        self.largest = 0

    async def begin(self) -> None:
        self.calls.append("begin")
        self.heard.clear()

    async def hear(self, pcm: bytes) -> bool:
        self.heard += pcm
        self.largest = max(self.largest, len(pcm))
        return b"enough" not in pcm

    async def finish(self) -> None:
        self.calls.append(f"finish {len(self.heard)}")
        await self.client.send(Event("finished", {"bytes": len(self.heard)}))

    async def handle_other(self, event: Event) -> None:
        self.calls.append(event.type)


class Talk:
    """A client, and the ear it talks to."""

    def __init__(self, connection: Connection, ears: list[Ear]) -> None:
        self._connection = connection
        self._ears = ears

    @property
    def ear(self) -> Ear:
        return self._ears[0]

    async def send(self, *events: Event | Eventable) -> None:
        for event in events:
            await self._connection.send(event)

    async def finished(self) -> int:
        return int((await expect(self._connection, "finished", 60)).data["bytes"])

    async def error(self) -> str:
        with pytest.raises(PeerError) as caught:
            await expect(self._connection, "never", 60)
        return str(caught.value.code)


@asynccontextmanager
async def talking(made: Callable[[Client], Ear] = Ear) -> AsyncIterator[Talk]:
    ears: list[Ear] = []

    def session(client: Client) -> Ear:
        ears.append(made(client))
        return ears[-1]

    async with Service(Info(), session).listen("tcp://127.0.0.1:0") as uri, connect_to(uri) as connection:
        yield Talk(connection, ears)


def chunk(audio: bytes, rate: int = RATE, width: int = WIDTH, channels: int = CHANNELS) -> AudioChunk:
    return AudioChunk(rate, width, channels, audio)


async def test_streams_one_after_the_other() -> None:
    async with talking() as talk:
        for size in (1000, 2000):
            await talk.send(START, chunk(bytes(size // 2)), chunk(bytes(size // 2)), STOP)
            assert await talk.finished() == size
        assert talk.ear.calls == ["begin", "finish 1000", "begin", "finish 2000"]


async def test_other_formats_become_the_engines() -> None:
    async with talking() as talk:
        await talk.send(AudioStart(48_000, 4, 2), *(chunk(bytes(3840), 48_000, 4, 2) for _ in range(100)), STOP)
        assert await talk.finished() == pytest.approx(2 * RATE, abs=100)


async def test_the_format_may_change_in_mid_stream() -> None:
    async with talking() as talk:
        await talk.send(START, chunk(bytes(32_000)), chunk(bytes(8_000), 8_000, 1, 1), STOP)
        assert await talk.finished() == pytest.approx(64_000, abs=400)


async def test_without_audio_start() -> None:
    async with talking() as talk:
        await talk.send(chunk(bytes(1000)), STOP, STOP)
        assert await talk.finished() == 1000
        assert talk.ear.calls == ["begin", "finish 1000"]


async def test_a_stream_without_sound() -> None:
    async with talking() as talk:
        await talk.send(START, STOP)
        assert await talk.finished() == 0


async def test_a_large_chunk_is_heard_bit_by_bit() -> None:
    async with talking() as talk:
        await talk.send(START, chunk(b"\x80" * (1 << 20), 8_000, 1, 1), STOP)
        assert await talk.finished() == pytest.approx(4 << 20, abs=400)
        assert talk.ear.largest < 200_000


async def test_what_is_of_no_interest_is_dropped() -> None:
    async with talking() as talk:
        await talk.send(START, chunk(b"enough" * 2), *(chunk(bytes(1000)) for _ in range(20)), STOP)
        assert await talk.finished() <= 32_000
        await talk.send(START, chunk(bytes(1000)), STOP)
        assert await talk.finished() == 1000


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(0, 2, 1), (1, 2, 1), (16000, 5, 1), (16000, 2, 0), (16000, 2, 99), ("16000", 2, 1), (16000, 2, None)],
)
@pytest.mark.parametrize("where", ["start", "first chunk", "later chunk"])
async def test_a_bad_stream_is_one_error(where: str, rate: Any, width: Any, channels: Any) -> None:
    bad = {"rate": rate, "width": width, "channels": channels}
    start = Event("audio-start", bad) if where == "start" else START
    async with talking() as talk:
        if where == "later chunk":
            await talk.send(start, chunk(bytes(1000)))
            await asyncio.sleep(0.02)
        elif where == "start" or rate != 16000:
            await talk.send(start)
        await talk.send(*(Event("audio-chunk", bad, bytes(1000)) for _ in range(100)), STOP)
        assert await talk.error() == "unsupported-audio"
        await talk.send(START, chunk(bytes(500)), STOP)
        assert await talk.finished() == 500


async def test_broken_samples_are_one_error() -> None:
    async with talking() as talk:
        await talk.send(START, *(chunk(bytes(101)) for _ in range(100)), STOP)
        assert await talk.error() == "unsupported-audio"
        await talk.send(START, chunk(bytes(500)), STOP)
        assert await talk.finished() == 500


@pytest.mark.parametrize("method", ["begin", "hear", "finish"])
async def test_what_fails_is_one_error_and_the_next_stream_is_heard(method: str) -> None:
    failures = ["once"]

    class Failing(Ear):
        async def begin(self) -> None:
            await super().begin()
            self._fail("begin")

        async def hear(self, pcm: bytes) -> bool:
            self._fail("hear")
            return await super().hear(pcm)

        async def finish(self) -> None:
            self._fail("finish")
            await super().finish()

        def _fail(self, here: str) -> None:
            if here == method and failures:
                failures.pop()
                raise Busy("not now")

    async with talking(Failing) as talk:
        for _ in range(2):
            await talk.send(START, *(chunk(bytes(100)) for _ in range(100)), STOP)
        assert await talk.error() == "busy"
        assert await talk.finished() == 10_000


async def test_a_new_start_without_a_stop_begins_anew() -> None:
    async with talking() as talk:
        await talk.send(START, chunk(bytes(1000)), START, chunk(bytes(500)), STOP)
        assert await talk.finished() == 500
        assert talk.ear.calls == ["begin", "begin", "finish 500"]


async def test_other_events_come_through() -> None:
    async with talking() as talk:
        await talk.send(Event("transcribe"), START, Event("other"), STOP)
        await talk.finished()
        assert talk.ear.calls == ["transcribe", "begin", "other", "finish 0"]
