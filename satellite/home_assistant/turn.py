"""The turn with Home Assistant that is under way: how far it is, what was said in it, and who is told of that.

Pure logic on an injected clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from satellite.happenings import Happening
from satellite.report import Observer, TurnReport

from .mouth import Sound

ANSWER_S = 60.0
"""Longest wait for an answer; it may have no words, of which Home Assistant says nothing. A later one is heard too."""

PATIENCE_S = 5.0
"""Who speaks later than that after all was said, and has heard no answer, is not waiting for one."""

QUESTIONS = ("?", ";", "？")  # noqa: RUF001 - Home Assistant's own rule, which it does not tell: Latin, Greek, Chinese
"""An answer that ends so asks for another."""


class Phase(StrEnum):
    """How far a turn is."""

    REST = "rest"
    """No turn is under way, or its answer is heard already."""

    SPOKEN = "spoken"
    """What is said goes to Home Assistant."""

    ASKED = "asked"
    """All was said; the answer is awaited."""


class Turn:
    """One satellite's turns, one after the other."""

    def __init__(self, observer: Observer, clock: Callable[[], float]) -> None:
        self.phase = Phase.REST
        self.answer: Sound | None = None
        """What is heard of its answer."""
        # What was asked before was given up, and Home Assistant, which cannot be told, may still answer it.
        self._given_up = self._given_up_transcript = False  # for the turn that is under way: answer, and transcript
        self._stopped = False  # for nothing else: what it decides next is to be passed over,
        self._stopped_sound = False  # or the sound that begins next
        self._begun: Sound | None = None  # since it was stopped: heard before its words are told, or an announcement
        self._observer = observer
        self._clock = clock
        self._report: TurnReport | None = None
        self._text = ""  # of the answer
        self._answer_by = math.inf

    @property
    def is_under_way(self) -> bool:
        """Whether one is, also while its answer is heard."""
        return self._report is not None

    @property
    def is_late(self) -> bool:
        """Whether its answer should have come."""
        return self._clock() >= self._answer_by

    @property
    def is_waited_for(self) -> bool:
        """Whether who speaks now waits for its answer."""
        return self.phase is Phase.ASKED and self._clock() < self._answer_by - ANSWER_S + PATIENCE_S

    @property
    def asks_back(self) -> bool:
        """Whether its answer is a question."""
        return self._text.rstrip().endswith(QUESTIONS)

    @property
    def is_unwanted(self) -> bool:
        """Whether a sound that begins now answers something that was given up."""
        return self._given_up or self._stopped_sound

    @property
    def may_be_answered(self) -> bool:
        """Whether Home Assistant may still answer what was asked."""
        return self.phase is Phase.ASKED or self._stopped or self._stopped_sound

    def begin(self, *, given_up: bool = False) -> None:
        """Begin one that is spoken, now that none is under way.

        `given_up`: what was asked before may be answered still, and is not wanted any more.
        """
        self._given_up = self._given_up_transcript = given_up
        self.forget_stopped()
        self.phase = Phase.SPOKEN
        self._text = ""
        self._report = TurnReport()
        self._report.begin("listen")
        self._observer.turn_began(self._report)
        self._observer.happened(Happening.STREAMING_START)

    def stop(self) -> None:
        """Learn that nobody wants an answer to what is being asked; who calls ends it."""
        if self.phase is Phase.ASKED and self._text:
            self._stopped_sound = True
        elif self.phase is not Phase.REST:
            self._stopped = True

    def forget_stopped(self) -> None:
        """Learn that Home Assistant answers nothing that was asked before."""
        self._stopped = self._stopped_sound = False
        self._begun = None

    def recognizing(self) -> None:
        """Learn that Home Assistant has begun to recognize what is said in this one."""
        self._given_up_transcript = False

    def ask(self) -> None:
        """Learn that all was said."""
        self.phase = Phase.ASKED
        self._answer_by = self._clock() + ANSWER_S
        self._observer.happened(Happening.STREAMING_STOP)
        if self._report is not None:
            self._report.end("listen")

    def awaits_transcript(self) -> bool:
        """Return whether a transcript that comes is of this turn; then no question before it matters any more."""
        if self.phase is Phase.REST or self._given_up_transcript:
            return False
        self._given_up = False
        return True

    def heard(self, text: str) -> None:
        """Learn what was said."""
        if self._report is not None:
            self._report.heard = text
            self._observer.heard(self._report)

    def decided(self, text: str) -> Sound | None:
        """Learn the answer's words; return a sound that has begun already and is theirs, where nobody wants them.

        Only an answer that streams begins before its words are told: an announcement would have ended the turn.
        """
        if self._stopped:
            begun = self._begun
            self.forget_stopped()
            self._stopped_sound = begun is None
            return begun
        if self._given_up:
            return None
        self._observer.happened(Happening.SYNTHESIZE, text)
        self._text = text
        if self._report is not None:
            self._report.reply, self._report.handled = text, True
            self._observer.decided(self._report)
        return None

    def began(self, sound: Sound) -> None:
        """Learn that a sound begins to be heard that nobody has asked for, as far as is known."""
        if self._stopped:
            self._begun = sound

    def passed_over(self) -> None:
        """Learn that the sound of an answer that nobody wants has begun, and is not heard."""
        self._stopped_sound = False

    def answered(self, sound: Sound) -> None:
        """Learn that the answer begins to be heard."""
        self.phase, self.answer, self._answer_by = Phase.REST, sound, math.inf
        if self._report is not None:
            self._report.begin("speak")

    def end(self, error: str | None = None) -> bool:
        """End it; return False where none was under way."""
        if self.phase is Phase.SPOKEN:
            self._observer.happened(Happening.STREAMING_STOP)
        self.phase = Phase.REST
        self.answer = None
        self._answer_by = math.inf
        self._given_up = self._given_up_transcript = False
        report, self._report = self._report, None
        if report is None:
            return False
        report.error = error
        report.end("speak")
        self._observer.turn_ended(report)
        return True
