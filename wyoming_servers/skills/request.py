"""What a skill gets and gives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from models.engine import Intent
from models.sentences.house import House
from wyoming_servers.skills.situation import Situation


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that somebody wants."""

    intent: Intent
    situation: Situation
    house: House

    now: datetime
    """Local time."""

    last_answer: str | None = None
    """What the house said last in this conversation."""

    is_connected: bool = False
    """True where this server has a Home Assistant, which does what is wanted."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the satellite is to do."""

    name: str
    """timer-set {name, seconds}, timer-cancel {id}, timer-pause {id}, timer-resume {id}, timer-add {id, seconds}, where
    less than 0 shortens it, volume-set {percent} or stop {}"""

    data: Mapping[str, Any] = field(default_factory=dict)

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Who sees an id twice does it once."""

    def to_dict(self) -> dict[str, Any]:
        """Return the action as it stands in `context.actions`."""
        return {"id": self.id, "name": self.name, "data": dict(self.data)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and what to do."""

    text: str
    """May be empty: to "stop" one says nothing. Where something is wanted of Home Assistant, this is said once it is
    done, and may be a template (see `Intent.response`)."""

    actions: tuple[Action, ...] = ()

    wanted: Intent | None = None
    """What Home Assistant is to carry out: the one that asks, or else our own."""


class Trouble(StrEnum):
    """Why our own Home Assistant did not do what it was asked to."""

    AWAY = "away"
    """It cannot be reached."""
    REFUSED = "refused"
    """It does not accept our token, or our address."""
    NOT_DONE = "not-done"
    """It could not, or found nothing to do it with."""
    NO_ANSWER = "no-answer"
    """It was asked, and did not say what became of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an intent that our own Home Assistant was asked to carry out."""

    trouble: Trouble | None = None
    """None where it was done, with one thing at least."""

    failed: tuple[str, ...] = ()
    """Names of the things with which it was not done."""

    speech: str = ""
    """What Home Assistant says of it, where it says anything: the answer of an `intent_script`."""
