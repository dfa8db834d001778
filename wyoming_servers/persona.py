"""What the language model is told: once of the house and how to speak for it, and with each question of the moment.

The first is the same for all conversations, so it is read once; what changes with the minute stands beside what was
said, so that nothing before it is read again.
"""

from __future__ import annotations

from datetime import datetime

from models.engine import Intent
from models.sentences.house import House

from .skills import Request, carry_out, english
from .skills.situation import Situation

PERSONA = (
    "You are the voice of a house. What you answer is spoken aloud: answer in one to three short, plain sentences,"
    " without lists, markup or emoji. Say so when you do not know something. You cannot switch or set anything"
    " yourself: tell who asks for that to say it in plain words, such as: turn on the kitchen lights. What stands in"
    " brackets before a question is what is so at that moment, and what you see."
)

_MOST_NAMES = 50
"""A house that Home Assistant tells of may have thousands, which no context holds."""


def describe(house: House, persona: str = PERSONA) -> str:
    """Return the system prompt: who speaks, and what is in the house."""
    parts = [persona]
    if house.areas:
        parts.append(f"The rooms of the house: {', '.join(area.name for area in house.areas)}.")
    if house.names:
        named = house.names[:_MOST_NAMES]
        things = (f"{name.name} ({name.area})" if name.area else name.name for name in named)
        parts.append(f"In them are: {', '.join(things)}.")
    return " ".join(parts)


def facts(house: House, now: datetime, situation: Situation) -> str:
    """Return what is so at this moment: the day, the time, and what the camera sees."""
    parts = [english.day(now), english.time(now, house.clock)]
    if situation.sightings:
        parts.append(carry_out(Request(Intent("HearthLook"), situation, house, now)).text)
    return " ".join(parts)
