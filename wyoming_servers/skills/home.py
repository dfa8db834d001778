"""Lights and the like: understood, and answered honestly while nothing is connected that could do it."""

from __future__ import annotations

from . import english
from .request import Answer, Request

_KINDS = {
    "HassFanSetSpeed": "fan",
    "HassLightSet": "light",
    "HassSetPosition": "cover",
    "HassClimateSetTemperature": "climate",
    "HassSetVolume": "media_player",
    "HassSetVolumeRelative": "media_player",
}
"""What an intent is about where its slots do not say."""


def control(request: Request) -> Answer:
    """Say what was understood, and that nothing is connected to do it."""
    return Answer(english.not_connected(request.intent, _kind(request), request.house))


def nobody_does(request: Request) -> Answer:
    """Name an intent of the user's own sentences, and say that nothing carries it out."""
    return Answer(english.nobody_does(request.intent))


def _kind(request: Request) -> str:
    """Return Home Assistant's domain of the thing that is meant, "" where nobody says."""
    slots = request.intent.slots
    if "domain" in slots:
        return str(slots["domain"])
    named = (known.domain for known in request.house.names if known.name == slots.get("name"))
    return next(named, _KINDS.get(request.intent.name, ""))


SKILLS = dict.fromkeys(
    ("HassTurnOn", "HassTurnOff", "HassLightSet", "HassFanSetSpeed", "HassSetPosition", "HassClimateSetTemperature"),
    control,
)
