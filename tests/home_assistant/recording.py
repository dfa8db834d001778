"""Conversations of a real Home Assistant 2026.11.0 with Hearth, written down event by event, and played again.

A recording is a YAML file: `server`, its `options`, and `connections`, one after the other, each a list of events. An
event is `home assistant: TYPE` or `hearth: TYPE`, with its `data`. Home Assistant's audio is not written down but made
again: `sound` says what was said, and how much silence followed, of which `times` pieces of `bytes` were sent, each
with its timestamp where the first has one. Of
Hearth's audio one `audio-chunk` stands for all, where the last one came: `seconds` long, give or take a tenth, and to
be heard unless it is `silent`. "*" in the data stands for anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.ping import Ping

from bench.conversations import speak

RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("*.yaml"))

_RATE = 16_000
_ANSWER_S = 60.0

_LOUD = 1000
"""Of 32768: speech is louder somewhere."""


class Differs(AssertionError):
    """Something else has come than was recorded."""

    def __init__(self, message: str, code: str | None = None) -> None:
        """`code` is an error's."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Recording:
    """What was said, and what was answered."""

    name: str
    server: str
    """Its job."""

    connections: list[list[dict[str, Any]]]
    options: list[str] = field(default_factory=list)


def read(path: Path) -> Recording:
    """Return the recording in `path`."""
    return Recording(path.stem, **yaml.safe_load(path.read_text()))


def home_assistants(steps: list[dict[str, Any]]) -> list[Event]:
    """Return the events that Home Assistant sent."""
    return [event for step in steps if "hearth" not in step for event in _events(step)]


async def replay(recording: Recording, uri: str) -> None:
    """Say again what Home Assistant said; raise `Differs` where something else comes back."""
    for steps in recording.connections:
        async with AsyncClient.from_uri(uri) as client:
            await _replay(client, steps)


async def _replay(client: AsyncClient, steps: list[dict[str, Any]]) -> None:
    heard = _Heard(client)
    for step in steps:
        if "hearth" in step:
            await heard.expect(step["hearth"], step.get("data", {}))
            if "seconds" in step:
                await heard.expect_sound(step["seconds"], step["data"], silent=step.get("silent", False))
        else:
            for event in _events(step):
                await client.write_event(event)
    await heard.expect_no_more()


class _Heard:
    """What comes back."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._last = Event("")
        self._next: Event | None = None

    async def expect(self, wanted: str, data: dict[str, Any]) -> None:
        """Read the next event."""
        self._last = await self._read()
        _compare(self._last, wanted, data)

    async def expect_sound(self, seconds: float, data: dict[str, Any], *, silent: bool) -> None:
        """Read the rest of the audio of which the first piece was read."""
        event, pcm = self._last, b""
        while AudioChunk.is_type(event.type):
            _compare(event, "audio-chunk", data)
            pcm += event.payload or b""
            event = await self._read()
        self._next = event
        lasts, loudest = len(pcm) / (2 * data["rate"]), max(memoryview(pcm).cast("h"))
        if (loudest < _LOUD) != silent or not 0.9 * seconds < lasts < 1.1 * seconds:
            raise Differs(f"what is said lasts {lasts:.3g} s, and its loudest sample is {loudest}")

    async def expect_no_more(self) -> None:
        """Raise `Differs` where something else has been sent: a pong comes after it."""
        await self._client.write_event(Ping(text="that was all").event())
        _compare(await self._read(), "pong", {"text": "that was all"})

    async def _read(self) -> Event:
        event, self._next = self._next, None
        event = event or await asyncio.wait_for(self._client.read_event(), _ANSWER_S)
        assert event is not None, "the server has ended the connection"
        return event


def _compare(event: Event, wanted: str, data: dict[str, Any]) -> None:
    if (event.type, _as_recorded(event.data, data)) != (wanted, data):
        raise Differs(f"{wanted} {data} was recorded, and {event.type} {event.data} has come", event.data.get("code"))


def _as_recorded(came: Any, recorded: Any) -> Any:
    """Return what came, with "*" where the recording has it."""
    if recorded == "*":
        return "*"
    if isinstance(came, dict) and isinstance(recorded, dict):
        return {key: _as_recorded(value, recorded.get(key)) for key, value in came.items()}
    if isinstance(came, list) and isinstance(recorded, list) and len(came) == len(recorded):
        return [_as_recorded(one, other) for one, other in zip(came, recorded, strict=True)]
    return came


_JITTER_BYTES = 2 * _RATE // 20
"""50 ms: espeak-ng says the same a little longer or shorter each time."""


def _events(step: dict[str, Any]) -> Iterator[Event]:
    kind, data = step["home assistant"], step.get("data", {})
    if "sound" not in step:
        yield Event(kind, data)
        return
    size = step["bytes"]
    pcm = sound(**step["sound"])
    missing = size * step["times"] - len(pcm)
    assert missing <= _JITTER_BYTES, "the sound is shorter than it was"
    pcm += bytes(max(0, missing))
    longer = min(_JITTER_BYTES, max(0, -missing))  # where the server finds the end, as much quiet has to follow
    began = data.get("timestamp")
    for at in range(0, size * step["times"] + longer // size * size, size):
        timestamp = None if began is None else began + at * 1000 // (2 * _RATE)
        yield Event(kind, data | {"timestamp": timestamp}, pcm[at : at + size])


@cache
def sound(*, say: str, silence_s: float) -> bytes:
    """Return 16 kHz mono speech, and silence after it."""
    return (speak(say) if say else b"") + bytes(2 * int(_RATE * silence_s))
