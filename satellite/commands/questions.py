"""What `hearth demo` asks, and what a right answer to each question is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TIMER_S = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question."""

    intent: Mapping[str, Any] | None
    """`name` and `slots`; None when the house did not understand."""

    reply: str
    asked: datetime
    """When the question was over."""

    answered: datetime
    timers: Sequence[float]
    """The lengths, in seconds, of the timers that the satellite now keeps."""

    shown: Sequence[str]
    """The names of what is to be seen."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to say to the house."""

    key: str
    """Name of the recording, without .wav, in a folder of recordings."""

    text: str

    fault: Callable[[Outcome], str | None]
    """Says what is wrong with an outcome; None when all of it is right."""


def _time_fault(outcome: Outcome) -> str | None:
    said = re.search(r"\b(\d{1,2})(?::(\d{2}))?\b", outcome.reply)
    if said is None:
        return "the answer tells no time"
    hour, minute = int(said[1]), int(said[2] or 0)
    first = outcome.asked.replace(second=0, microsecond=0)
    minutes = (outcome.answered - first) // timedelta(minutes=1) + 1
    right = [first + timedelta(minutes=index) for index in range(minutes)]
    if (hour % 12, minute) not in {(moment.hour % 12, moment.minute) for moment in right}:
        return f"it was {outcome.answered:%H:%M}"
    return _intent_fault(outcome, "HassGetCurrentTime")


def _timer_fault(outcome: Outcome) -> str | None:
    if fault := _intent_fault(outcome, "HassStartTimer", minutes=TIMER_S / 60):
        return fault
    if TIMER_S not in [round(seconds) for seconds in outcome.timers]:
        return f"no timer of {TIMER_S} seconds runs"
    return None if "5 minutes" in outcome.reply else "the answer does not confirm the timer"


def _light_fault(outcome: Outcome) -> str | None:
    if fault := _intent_fault(outcome, "HassTurnOn", area="office", domain="light"):
        return fault
    if "no light is connected" not in outcome.reply:
        return "the answer does not say that no light is connected"
    return None


def _look_fault(outcome: Outcome) -> str | None:
    missing = [name for name in outcome.shown if name not in outcome.reply.lower()]
    if missing:
        return f"the answer does not tell of a {missing[0]}"
    if not outcome.shown and "nothing" not in outcome.reply.lower():
        return "there is nothing to be seen that the house knows"
    return _intent_fault(outcome, "HearthLook")


def _nonsense_fault(outcome: Outcome) -> str | None:
    if outcome.intent is not None:
        return f"taken for {outcome.intent.get('name')}"
    return None if outcome.reply else "no answer"


def _intent_fault(outcome: Outcome, name: str, **slots: object) -> str | None:
    intent = outcome.intent
    if intent is None:
        return f"not understood, it is {name}"
    if intent.get("name") != name:
        return f"taken for {intent.get('name')}, it is {name}"
    if slots and dict(intent.get("slots", {})) != slots:
        return f"understood with {intent.get('slots')}, it is {slots}"
    return None


QUESTIONS = (
    Question("time", "What time is it?", _time_fault),
    Question("timer", "Set a timer for five minutes.", _timer_fault),
    Question("light", "Turn on the lights in the office.", _light_fault),
    Question("look", "What do you see?", _look_fault),
    Question("nonsense", "Seven green bottles dream about the ocean.", _nonsense_fault),
)
