"""The demo's questions: what is right is taken, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from satellite.commands.questions import QUESTIONS, Outcome

BY_KEY = {question.key: question for question in QUESTIONS}


def fault(
    key: str,
    reply: str,
    intent: str | None = None,
    *,
    slots: dict[str, Any] | None = None,
    at: str = "18:13:59",
    answered: str | None = None,
    timers: tuple[float, ...] = (),
    shown: tuple[str, ...] = (),
) -> str | None:
    asked = datetime.fromisoformat(f"2026-11-22T{at}")
    done = datetime.fromisoformat(f"2026-11-22T{answered or at}")
    meant = {"name": intent, "slots": slots or {}} if intent else None
    return BY_KEY[key].fault(Outcome(meant, reply, asked, done, timers, shown))


@pytest.mark.parametrize(
    ("reply", "at", "answered", "right"),
    [
        ("It is 6:13 PM.", "18:13:59", None, True),
        ("It is 18:13.", "18:13:00", None, True),
        ("It is 6 PM.", "18:00:10", None, True),
        ("It is 12:30 AM.", "00:30:10", None, True),
        ("It is 6:14 PM.", "18:13:59", "18:14:01", True),
        ("It is 6:13 PM.", "18:13:59", "18:14:01", True),
        ("It is 6:15 PM.", "18:13:59", "18:14:01", False),
        ("It is 6:12 PM.", "18:13:59", None, False),
        ("It is time.", "18:13:59", None, False),
    ],
)
def test_the_time_is_the_time(reply: str, at: str, answered: str | None, right: bool) -> None:
    assert (fault("time", reply, "HassGetCurrentTime", at=at, answered=answered) is None) is right


def test_another_intent_is_not_the_time() -> None:
    assert fault("time", "It is 6:13 PM.", "HassGetCurrentDate") is not None
    assert fault("time", "It is 6:13 PM.") is not None


def test_a_timer_runs_or_is_not_right() -> None:
    reply, slots = "Timer set for 5 minutes.", {"minutes": 5.0}
    assert fault("timer", reply, "HassStartTimer", slots=slots, timers=(300.0,)) is None
    assert fault("timer", reply, "HassStartTimer", slots=slots) == "no timer of 300 seconds runs"
    assert fault("timer", reply, "HassStartTimer", slots={"minutes": 9}, timers=(300.0,)) is not None
    assert fault("timer", "Okay.", "HassStartTimer", slots=slots, timers=(300.0,)) is not None


def test_a_light_is_understood_and_honestly_refused() -> None:
    slots = {"area": "office", "domain": "light"}
    honest = "I understood: turn on the lights in the office. But no light is connected to me yet."
    assert fault("light", honest, "HassTurnOn", slots=slots) is None
    assert fault("light", "The light is on.", "HassTurnOn", slots=slots) is not None
    assert fault("light", honest, "HassTurnOff", slots=slots) is not None
    assert fault("light", honest, "HassTurnOn", slots={**slots, "area": "kitchen"}) is not None


def test_what_is_shown_is_told() -> None:
    assert fault("look", "I see a person.", "HearthLook", shown=("person",)) is None
    assert fault("look", "I see nothing that I know.", "HearthLook", shown=("person",)) is not None
    assert fault("look", "I see nothing that I know.", "HearthLook") is None
    assert fault("look", "I see a person.", "HearthLook") is not None
    assert fault("look", "I see a person.", shown=("person",)) is not None


def test_nonsense_is_not_understood_but_answered() -> None:
    assert fault("nonsense", "Sorry, I did not understand that.") is None
    assert fault("nonsense", "") is not None
    assert fault("nonsense", "It is noon.", "HassGetCurrentTime") is not None
