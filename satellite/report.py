"""What happens in a satellite, for those who watch: the terminal, MQTT, commands on events, the bench, and tests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .happenings import Happening
from .timers import Timer
from .ulid import new_ulid

_LOGGER = logging.getLogger(__name__)

STAGES = ("listen", "asr", "handle", "tts", "speak")
"""In the order in which they begin; each begins before the one before it has ended where it can."""


class State(StrEnum):
    """What a satellite is doing, in Home Assistant's words."""

    IDLE = "idle"
    """It waits until it is spoken to."""

    LISTENING = "listening"
    """Somebody is asking for something, or was invited to."""

    PROCESSING = "processing"
    """What they said is known, and nothing of the answer is heard yet."""

    RESPONDING = "responding"
    """It speaks, or rings."""


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

    def became(self, state: State) -> None:
        """The satellite has another state than before."""

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

    def happened(self, happening: Happening, text: str = "") -> None:
        """Something happened that people may want a command to be run for; `text` is what goes with it."""


class Observers(Observer):
    """Tells several, in their order; one that raises disturbs neither the others nor the satellite, and is logged."""

    def __init__(self, *observers: Observer) -> None:
        self.state = State.IDLE
        """The satellite's."""
        self._observers = observers

    def became(self, state: State) -> None:
        """Tell it where it is another than before."""
        if state is not self.state:
            self.state = state
            self._tell(lambda observer: observer.became(state))

    def turn_began(self, report: TurnReport) -> None:
        """Tell it."""
        self._tell(lambda observer: observer.turn_began(report))

    def heard(self, report: TurnReport) -> None:
        """Tell it."""
        self._tell(lambda observer: observer.heard(report))

    def decided(self, report: TurnReport) -> None:
        """Tell it."""
        self._tell(lambda observer: observer.decided(report))

    def turn_ended(self, report: TurnReport) -> None:
        """Tell it."""
        self._tell(lambda observer: observer.turn_ended(report))

    def rang(self, timer: Timer) -> None:
        """Tell it."""
        self._tell(lambda observer: observer.rang(timer))

    def happened(self, happening: Happening, text: str = "") -> None:
        """Tell it."""
        self._tell(lambda observer: observer.happened(happening, text))

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception:
                _LOGGER.exception("%s failed", type(observer).__name__)
