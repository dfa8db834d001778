"""What happened in a turn, for those who watch: the log, the demo, the bench, and tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .timers import Timer
from .ulid import new_ulid

STAGES = ("listen", "asr", "handle", "tts", "speak")
"""In the order in which they begin; each begins before the one before it has ended where it can."""


@dataclass(slots=True)
class Stage:
    """When a stage began and ended: `time.monotonic()`."""

    began: float
    ended: float | None = None


@dataclass(slots=True)
class TurnReport:
    """One turn; it is filled in as the turn goes on."""

    id: str = field(default_factory=new_ulid)
    """ULID."""

    stages: dict[str, Stage] = field(default_factory=dict)
    """Of `STAGES`. listen: from the voice's beginning until it is known to have ended. asr, handle, tts: from the first
    thing sent until the last received. speak: from first sound until all was heard."""

    heard: str | None = None
    """What was said; "" where it was none of what can be understood; None before that is known."""

    handled: bool | None = None
    """Whether it was understood; None before that is known."""

    intent: Mapping[str, Any] | None = None
    """name, slots."""

    actions: list[dict[str, Any]] = field(default_factory=list)
    """What the satellite was told to do: id, name, data."""

    reply: str = ""
    """What the house said, as text."""

    wav: Path | None = None
    """The file that keeps the answer, where the speaker is a folder."""

    apology: str | None = None
    """The job that nobody could do, for which the house apologised."""

    failures: list[str] = field(default_factory=list)
    """What went wrong with which server, also where another one did the job."""

    error: str | None = None
    """What kept the answer from being heard."""

    def begin(self, stage: str) -> None:
        """Take note that a stage begins now; a stage that is tried again began the first time."""
        self.stages.setdefault(stage, Stage(time.monotonic()))

    def end(self, stage: str) -> None:
        """Take note that a stage ends now."""
        if stage in self.stages:
            self.stages[stage].ended = time.monotonic()

    @property
    def first_sound(self) -> float | None:
        """Monotonic time of the first audible frame of the answer."""
        return self.stages["speak"].began if "speak" in self.stages else None


class Observer:
    """Told what the satellite does, as it does it; this one does not care. Called on the event loop: be quick."""

    def turn_began(self, report: TurnReport) -> None:
        """Somebody speaks."""

    def heard(self, report: TurnReport) -> None:
        """What they said is known."""

    def decided(self, report: TurnReport) -> None:
        """What to answer is known, all of it."""

    def turn_ended(self, report: TurnReport) -> None:
        """The answer was heard, or the turn was given up; `report` changes no more."""

    def rang(self, timer: Timer) -> None:
        """A timer has rung."""
