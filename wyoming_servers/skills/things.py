"""Which of several things is meant that are called alike: the one in the area that is named, or where it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.engine import Intent
from models.sentences.house import House, Name
from wyoming_servers.skills import english
from wyoming_servers.skills.situation import Situation

_SWITCHES = ("HassTurnOn", "HassTurnOff")


def chosen(intent: Intent, situation: Situation, house: House) -> Intent:
    """Return the intent with the name and the area of the thing that is meant, where several are called so.

    The area that was named counts, else the one in which it was said; where that leaves several, nothing is chosen.
    """
    if intent.written and not intent.things:  # a language model knows names, and not what they stand for
        things = (thing for thing in house.names if thing.name == intent.slots.get("name"))
        domain = intent.slots.get("domain")
        intent = replace(intent, things=tuple(thing for thing in things if domain in (None, thing.domain)))
    left = several(intent)
    if "area" not in intent.slots and len(left) > 1 and situation.area is not None:
        left = [thing for thing in left if thing.area is not None and thing.area == house.area(situation.area)]
    if len(left) != 1:
        return intent
    (thing,) = left
    slots = dict(intent.slots)
    if len(intent.things) > 1:
        slots |= {"name": thing.name, **({} if thing.area is None else {"area": thing.area})}
    if intent.name in _SWITCHES and any(
        other.name == thing.name and other.domain != thing.domain for other in house.names
    ):
        slots["domain"] = thing.domain  # else Home Assistant would ask whether it is the lamp or the door
    return replace(intent, slots=slots)


def several(intent: Intent) -> Sequence[Name]:
    """Return the things that may be meant, of those in the area that is named."""
    area = intent.slots.get("area")
    return [thing for thing in intent.things if area in (None, thing.area)]


def question(intent: Intent) -> str | None:
    """Return what to ask where it is not known which thing is meant, or why it cannot be known; None where it is."""
    left = several(intent)
    if len(left) < 2:
        return None
    rooms = {thing.area for thing in left}
    if len(rooms) == 1:
        return english.alike(sorted({thing.name for thing in left}), left[0].area)
    return english.which_thing(str(intent.slots.get("name")), sorted(filter(None, rooms)))
