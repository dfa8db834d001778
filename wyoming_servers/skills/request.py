"""What a skill gets and gives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.engine import Intent
from models.sentences.house import House

from .situation import Situation


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


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the satellite is to do."""

    name: str
    """timer-set {name, seconds}, timer-cancel {id}, volume-set {percent} or stop {}"""

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
    """What Home Assistant is to carry out."""
