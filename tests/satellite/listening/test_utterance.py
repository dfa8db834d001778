from __future__ import annotations

import asyncio

import pytest

from satellite.listening.utterance import LONGEST_S, Utterance
from satellite.sound.microphone import CHUNK_BYTES, CHUNK_SAMPLES, Chunk


def chunk(number: int) -> Chunk:
    return Chunk(number.to_bytes(2, "little") * (CHUNK_BYTES // 2), number * CHUNK_SAMPLES, 100 + number * 0.02)


async def numbers(utterance: Utterance, silence: float) -> list[int]:
    return [int.from_bytes(piece.pcm[:2], "little") async for piece in utterance.read(silence)]


def spoken(count: int, voice_at: int = 0) -> Utterance:
    utterance = Utterance([chunk(0), chunk(1)], voice_at)
    for number in range(2, count):
        utterance.add(chunk(number))
    return utterance


async def test_it_is_read_from_the_pre_roll_on_until_the_voice_is_silent_for_so_long() -> None:
    utterance = spoken(100)
    reading = asyncio.create_task(numbers(utterance, 0.7))
    await asyncio.sleep(0)
    assert not reading.done()
    utterance.voice(30 * CHUNK_SAMPLES)  # silent since chunk 30: the 35 of 0.7 s have been heard already
    utterance.add(chunk(100))
    assert await reading == list(range(101))
    assert await numbers(utterance, 0.7) == list(range(65))  # another reader needs no more
    assert await numbers(utterance, 1.0) == list(range(80))


async def test_a_voice_that_goes_on_is_read_on() -> None:
    utterance = spoken(60)
    utterance.voice(20 * CHUNK_SAMPLES)
    utterance.voice(None)
    reading = asyncio.create_task(numbers(utterance, 0.7))
    await asyncio.sleep(0)
    for number in range(60, 120):
        utterance.add(chunk(number))
    await asyncio.sleep(0)
    assert not reading.done()
    utterance.end()
    assert len(await reading) == 120


async def test_the_longest_ends_by_itself() -> None:
    utterance = spoken(2 + round(LONGEST_S * 50) + 100)
    assert utterance.ended
    assert len(await numbers(utterance, 0.7)) == 2 + round(LONGEST_S * 50)


async def test_when_the_voice_began() -> None:
    assert Utterance([chunk(5), chunk(6)], 320).voice_began == pytest.approx(100.12)
