"""The time, the date and the day."""

from __future__ import annotations

from wyoming_servers.skills import english
from wyoming_servers.skills.request import Answer, Request


def tell_time(request: Request) -> Answer:
    """Answer "what time is it"."""
    return Answer(english.time(request.now, request.house.clock))


def tell_date(request: Request) -> Answer:
    """Answer "what is the date"."""
    return Answer(english.date(request.now))


def tell_day(request: Request) -> Answer:
    """Answer "what day is it"."""
    return Answer(english.day(request.now))


SKILLS = {"HassGetCurrentTime": tell_time, "HassGetCurrentDate": tell_date, "HearthGetDay": tell_day}
