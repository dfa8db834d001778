"""What the language model is told: once of the house and how to speak for it, and with each question of the moment.

The first is the same for all conversations, so it is read once; what changes with the minute stands beside what was
said, so that nothing before it is read again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from models.engine import Intent
from models.llama.calls import DOMAINS, ONLY_TALKS
from models.sentences.house import House
from wyoming_servers.skills import Request, carry_out, english
from wyoming_servers.skills.situation import Situation

_LOGGER = logging.getLogger(__name__)

PERSONA = (
    "You are the voice of a house. What you answer is spoken aloud: answer in one to three short, plain sentences,"
    " without lists, markup or emoji. Say so when you do not know something. What stands in brackets before a question"
    " is what is so at that moment, and what you see."
)

_MOST_NAMES, _MOST_AREAS = 40, 30
"""That a model is told of: a house may have thousands, which no context holds, and no grammar either."""


def known(house: House) -> House:
    """Return as much of the house as a model is told of, before all what it may switch; the rest is logged."""
    names, areas = house.names, house.areas
    if len(names) > _MOST_NAMES:
        names = tuple(sorted(names, key=lambda name: name.domain not in DOMAINS)[:_MOST_NAMES])
        _LOGGER.info("a language model is told of %d of %d names", len(names), len(house.names))
    if len(areas) > _MOST_AREAS:
        areas = areas[:_MOST_AREAS]
        _LOGGER.info("a language model is told of %d of %d areas", len(areas), len(house.areas))
    return replace(house, names=names, areas=areas)


def arguments(house: House, persona: str = PERSONA, *, acts: bool = True) -> dict[str, Any]:
    """Return what a language model is opened with: the system prompt and, where it `acts`, the house for that."""
    house = known(house)
    prompt = describe(house, persona)
    return {"system_prompt": prompt, "actions": house} if acts else {"system_prompt": f"{prompt} {ONLY_TALKS}"}


def describe(house: House, persona: str = PERSONA) -> str:
    """Return the system prompt: who speaks, and what is in the house."""
    parts = [persona]
    if house.areas:
        parts.append(f"The rooms of the house: {', '.join(area.name for area in house.areas)}.")
    if house.names:
        things = (f"{name.name} ({name.area})" if name.area else name.name for name in house.names)
        parts.append(f"In them are: {', '.join(things)}.")
    return " ".join(parts)


def facts(house: House, now: datetime, situation: Situation) -> str:
    """Return what is so at this moment: the day, the time, and what the camera sees."""
    parts = [english.day(now), english.time(now, house.clock)]
    if situation.sightings:
        parts.append(carry_out(Request(Intent("HearthLook"), situation, house, now)).text)
    return " ".join(parts)
