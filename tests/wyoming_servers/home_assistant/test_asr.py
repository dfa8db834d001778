"""The recognizer hears what Home Assistant calls things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

from tests.models.speech import speech
from tests.wyoming_servers.home_assistant.hass import TOKEN, Hass, hass_running
from tests.wyoming_servers.serving import receive, send, serving
from wyoming_servers.asr import JOB
from wyoming_servers.wire.audio import RATE, WIDTH


@asynccontextmanager
async def connected(hass: Hass, folder: Path) -> AsyncIterator[str]:
    options = ("--engine", "embedded", "--data-dir", str(folder), "--hass-token", TOKEN)
    async with hass_running(hass), serving(JOB, *options, "--hass-url", hass.url) as uri:
        yield uri


async def heard(uri: str, text: str) -> str:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, AudioStart(RATE, WIDTH, 1), AudioChunk(RATE, WIDTH, 1, speech(text)), AudioStop())
        return Transcript.from_event(await receive(client)).text


async def test_new_names_are_heard_and_who_speaks_meanwhile_is_not_disturbed(tmp_path: Path) -> None:
    hass = Hass()
    hass.light("a", "Chandelier 💡")
    async with connected(hass, tmp_path) as uri:
        assert await heard(uri, "Turn on the chandelier.") == "turn on the chandelier"
        assert await heard(uri, "Turn on the aquarium.") != "turn on the aquarium"
        hass.light("b", "Aquarium")
        await hass.tell()
        async with AsyncClient.from_uri(uri) as client:
            pcm = speech("Turn on the chandelier.")
            await send(client, AudioStart(RATE, WIDTH, 1), AudioChunk(RATE, WIDTH, 1, pcm[: len(pcm) // 2 // 2 * 2]))
            async with asyncio.timeout(60):
                while await heard(uri, "Turn on the aquarium.") != "turn on the aquarium":  # noqa: ASYNC110 - from outside
                    await asyncio.sleep(0.1)
            await send(client, AudioChunk(RATE, WIDTH, 1, pcm[len(pcm) // 2 // 2 * 2 :]), AudioStop())
            assert Transcript.from_event(await receive(client)).text == "turn on the chandelier"


async def test_names_that_cannot_be_heard_fail_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hass = Hass()
    for key, name in enumerate(
        ["リビングの電気", "x" * 255, "word " * 51, "💡", "", "the time", "what time is it", "all"]
    ):
        hass.light(str(key), name)
    for key in range(1500):
        hass.light(f"n{key}", f"lamp {key}")
    hass.light("sound", "night light")
    hass.light("alike", "knight light")
    async with connected(hass, tmp_path) as uri:
        assert await heard(uri, "What time is it?") == "what time is it"
        assert await heard(uri, "Turn on lamp ten.") in ("turn on lamp 10", "turn on lamp ten")
    assert "names of more than 8 words are not listened for" in caplog.text
    assert "more than the 1000 names that can be listened for" in caplog.text
