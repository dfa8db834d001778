"""What a real Home Assistant 2026.11.0 said to the satellite, said again, and what came back compared event by event.

A recording is a YAML file: `cue`, what begins a turn, and `steps`. A step is `home assistant: TYPE` or `hearth: TYPE`
with its `data` ("*" stands for anything), or `person: trigger`, who uses the button. Speech is `bytes` long, of any
sound. One `hearth: audio-chunk` stands for all that follow each other; pings are left out.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.ping import Ping, Pong

from bench.assistant import CHUNK_BYTES, TTS_RATE, tone
from satellite.home_assistant.cue import Cue
from tests.satellite.home_assistant.test_station import house

RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("*.yaml"))

_ENDS_SOUND = {"transcript", "error", "pause-satellite", "audio-start"}
"""Events after which no more sound is wanted; a few chunks may be on their way."""

_ON_THEIR_WAY = 5


class Replay:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._chunks_allowed = 0.0

    async def say(self, step: dict[str, Any]) -> None:
        """Send what Home Assistant sent."""
        kind, data = step["home assistant"], step.get("data", {})
        if kind in _ENDS_SOUND:
            self._chunks_allowed = _ON_THEIR_WAY
        pcm = tone(step.get("bytes", 0) / 2 / TTS_RATE)
        if not pcm:
            await self._client.write_event(Event(kind, data))
        for place in range(0, len(pcm), CHUNK_BYTES):
            await self._client.write_event(Event(kind, data, pcm[place : place + CHUNK_BYTES]))

    async def expect(self, step: dict[str, Any]) -> None:
        """Compare what comes with what came."""
        wanted, data = step["hearth"], step.get("data", {})
        while True:
            event = await asyncio.wait_for(self._client.read_event(), 60)
            assert event is not None, "the satellite has hung up"
            if not await self._passes(event, wanted):
                break
        assert event.type == wanted
        for key, value in data.items():
            assert value == "*" or event.data[key] == value
        assert event.data.keys() - {"timestamp"} <= data.keys() or "*" in data.values()
        if AudioChunk.is_type(wanted):
            self._chunks_allowed = float("inf")

    async def expect_no_more(self) -> None:
        """Raise where anything else comes within a moment."""
        try:
            async with asyncio.timeout(0.5):
                while (event := await self._client.read_event()) is not None:
                    assert await self._passes(event, ""), f"'{event.type}' came as well"
        except TimeoutError:
            pass

    async def _passes(self, event: Event, wanted: str) -> bool:
        """Return whether an event may come beside the one that is wanted."""
        if Ping.is_type(event.type):
            await self._client.write_event(Pong().event())
            return True
        if AudioChunk.is_type(event.type) and not AudioChunk.is_type(wanted) and self._chunks_allowed > 0:
            self._chunks_allowed -= 1
            return True
        return False


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 6


@pytest.mark.parametrize(
    "recording", [yaml.safe_load(path.read_text()) for path in RECORDINGS], ids=[path.stem for path in RECORDINGS]
)
async def test_what_home_assistant_said_is_answered_as_it_was(recording: dict[str, Any], tmp_path: Path) -> None:
    async with house(tmp_path, Cue(recording["cue"])) as it, AsyncClient.from_uri(it.uri) as client:
        replay = Replay(client)
        if recording["steps"][0].get("home assistant") != "run-satellite":
            await client.write_event(Event("run-satellite"))
            await it.station.ready()
        for step in recording["steps"]:
            if "person" in step:
                it.controls.trigger()
            elif "hearth" in step:
                await replay.expect(step)
            else:
                await replay.say(step)
        await replay.expect_no_more()
