"""What a satellite tells with the words: what its camera sees, which timers run, how loud it is.

It comes in the transcript's `context` from anybody who can connect, so nothing in it is believed to have its type or
size: what is not as it must be is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 64
"""Sightings and timers that are looked at."""

MOST_CHARACTERS = 64
"""Of a name or id; longer ones are passed over."""

MOST_REPLY_CHARACTERS = 4000

FRESH_MS = 5000
"""Older sightings tell of a room that may have changed."""

LONGEST_S = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that a camera saw when the words were said, or shortly before."""

    name: str
    age_ms: float
    camera: str


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that the satellite keeps."""

    id: str
    name: str
    """May be empty."""

    seconds: int
    """Its whole length."""

    seconds_left: int


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of where the words were said; None where the client says nothing of it."""

    sightings: tuple[Sighting, ...] | None = None
    """None: no camera, or none that has shown anything lately. Empty: it sees nothing that it knows."""

    timers: tuple[Timer, ...] | None = None
    """None: nobody there keeps timers. Empty: none is set."""

    volume: int | None = None
    """Percent. None: it cannot be set there."""

    last_reply: str | None = None
    """What was last said aloud there."""

    area: str | None = None
    """Where it is."""

    actions: frozenset[str] | None = None
    """Names of the actions that are carried out there. None: nobody there knows of actions."""

    heard_by: tuple[str, ...] = ()
    """Home Assistant's ids of the satellite and the device that heard it; the first knows its place best."""

    @property
    def is_home_assistant(self) -> bool:
        """True where it is Home Assistant that asks, or whoever else knows Wyoming alone: it carries out intents."""
        return self.actions is None


def read_situation(context: object) -> Situation:
    """Return what a transcript's `context` tells."""
    if not isinstance(context, Mapping):
        return Situation()
    volume = _number(context.get("volume"), 100)
    reply = context.get("last_reply")
    return Situation(
        sightings=_several(context.get("sightings"), _sighting),
        timers=_several(context.get("timers"), _timer),
        volume=round(volume) if volume is not None else None,
        area=_text(context.get("area")) or None,
        heard_by=tuple(filter(None, (_text(context.get(key)) for key in ("satellite_id", "device_id")))),
        actions=frozenset(filter(None, map(_text, context["actions"][:MOST])))
        if isinstance(context.get("actions"), list)
        else None,
        last_reply=reply if isinstance(reply, str) and 0 < len(reply) <= MOST_REPLY_CHARACTERS else None,
    )


def _several(value: object, read: Callable[[Mapping[str, Any]], T | None]) -> tuple[T, ...] | None:
    if not isinstance(value, list):
        return None
    found = (read(member) for member in value[:MOST] if isinstance(member, Mapping))
    return tuple(one for one in found if one is not None)


def _sighting(member: Mapping[str, Any]) -> Sighting | None:
    name = _text(member.get("name"))
    age_ms = _number(member.get("age_ms", 0), FRESH_MS)
    return Sighting(name, age_ms, _text(member.get("camera")) or "") if name and age_ms is not None else None


def _timer(member: Mapping[str, Any]) -> Timer | None:
    known = _text(member.get("id"))
    seconds = _number(member.get("seconds"), LONGEST_S)
    left = _number(member.get("seconds_left"), LONGEST_S)
    if not known or seconds is None or left is None:
        return None
    return Timer(known, _text(member.get("name")) or "", round(seconds), round(left))


def _text(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS or not value.isprintable():
        return None
    return value.strip()


def _number(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        return None
    return value if math.isfinite(value) else None
