from __future__ import annotations

import asyncio

from satellite.sound.tones import FORMAT, sorry
from satellite.turns.apologies import PHRASES, Apologies
from tests.satellite import houses
from tests.satellite.houses import RATE, House, house, raw, serving, spoken, tts, until
from wyoming_servers.wire.audio import Format


async def said(apologies: Apologies, job: str) -> list[tuple[bytes, Format]]:
    pieces: list[tuple[bytes, Format]] = []

    async def write(pcm: bytes, sound: Format) -> None:
        pieces.append((pcm, sound))

    await asyncio.wait_for(apologies.say(job, write), 60)
    return pieces


async def test_phrases_are_spoken_once_there_is_a_voice_and_kept() -> None:
    servers = House()
    apologies = Apologies(servers)
    preparing = asyncio.create_task(apologies.run())
    await asyncio.sleep(0.01)
    async with serving("tts", tts()) as voice:
        servers.add(voice)
        await asyncio.wait_for(preparing, 60)
    assert apologies.complete
    for job in PHRASES:
        pieces = await said(apologies, job)
        assert b"".join(pcm for pcm, _ in pieces) == spoken(PHRASES[job])
        assert {sound for _, sound in pieces} == {(RATE, 2, 1)}


async def test_without_a_voice_there_is_a_tone() -> None:
    for servers in (House(), None):
        async with house(*([] if servers else [raw("tts", houses.ERROR)])) as there:
            for job in PHRASES:
                assert await said(Apologies(servers or there), job) == [(sorry(), FORMAT)]


async def test_words_that_are_not_kept_are_had_now() -> None:
    async with house(serving("tts", tts())) as servers:
        pieces = await said(Apologies(servers), "asr")
        assert b"".join(pcm for pcm, _ in pieces) == spoken(PHRASES["asr"])


async def test_a_bad_voice_is_tried_again() -> None:
    async with house(raw("tts", houses.dies_at_once)) as servers:
        apologies = Apologies(servers)
        preparing = asyncio.create_task(apologies.run())
        await until(lambda: servers.failed)
        assert not apologies.complete
        async with serving("tts", tts(), name="good") as voice:
            servers.add(voice)
            await asyncio.wait_for(preparing, 60)
        assert apologies.complete
