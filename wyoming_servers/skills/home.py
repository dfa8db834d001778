"""Lights and the like: what only Home Assistant can do, and an honest answer while none is there to do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.engine import Intent
from models.sentences.house import Area, Floor, House, Name
from wyoming_servers.skills import english, things
from wyoming_servers.skills.request import Answer, Outcome, Request

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
    """Want it done; where nobody can, say what was understood, and that nothing is connected to do it."""
    if request.situation.is_home_assistant or request.is_connected:
        return want(request)
    return Answer(english.not_connected(request.intent, _kind(request), request.house))


def nobody_does(request: Request) -> Answer:
    """Want an intent of the user's own sentences done; where nobody can, name it, and say that."""
    if request.situation.is_home_assistant or request.is_connected:
        return want(request)
    return Answer(english.nobody_does(request.intent))


def want(request: Request) -> Answer:
    """Ask Home Assistant to carry the intent out, in the area in which it was said where it names none.

    Where nobody knows that area, ask for it: without one, Home Assistant would switch every light of the house. And ask
    which of several things is meant that are called alike.
    """
    intent = request.intent
    if (asked := things.question(intent)) is not None:
        return Answer(asked)
    if intent.here and "area" not in intent.slots:
        if request.situation.area is None:
            return Answer(english.IN_WHICH_AREA)
        intent = Intent(intent.name, {**intent.slots, "area": request.situation.area}, intent.response)
    return Answer(intent.response or english.DONE, wanted=replace(intent, slots=_called(intent, request.house)))


def tell(request: Request, outcome: Outcome) -> str:
    """Return what to say of what our own Home Assistant was asked to do."""
    wish = english.wish(request.intent, _kind(request), request.house)
    if outcome.trouble is not None:
        return english.not_done(wish, outcome.trouble)
    if outcome.speech:
        return outcome.speech
    return english.partly_done(wish, outcome.failed) if outcome.failed else english.done(wish)


def _called(intent: Intent, house: House) -> dict[str, Any]:
    """Return its slots as Home Assistant calls things and places, which it may spell otherwise than they are said."""
    area, domain = intent.slots.get("area"), intent.slots.get("domain")
    known: Mapping[str, Sequence[Area | Floor | Name]] = {
        "name": [
            thing
            for thing in intent.things or house.names
            if area in (None, thing.area) and domain in (None, thing.domain)
        ]
        or house.names,
        "area": house.areas,
        "floor": house.floors,
    }
    return {
        key: next((one.called or one.name for one in known.get(key, ()) if one.name == value), value)
        for key, value in intent.slots.items()
    }


def _kind(request: Request) -> str:
    """Return Home Assistant's domain of the thing that is meant, "" where nobody says."""
    slots = request.intent.slots
    if "domain" in slots:
        return str(slots["domain"])
    named = (known.domain for known in request.house.names if known.name == slots.get("name"))
    return next(named, _KINDS.get(request.intent.name, ""))


SKILLS = dict.fromkeys(
    (
        "HassTurnOn",
        "HassTurnOff",
        "HassLightSet",
        "HassFanSetSpeed",
        "HassSetPosition",
        "HassClimateSetTemperature",
        "HassGetState",
    ),
    control,
)
