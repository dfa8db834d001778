"""Home Assistant's wake stage, for a satellite that does not hear the wake word itself: when it runs, and for how long.

Pure logic on an injected clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from wyoming.pipeline import PipelineStage, RunPipeline

from satellite.backoff import backoff

from .cue import Cue

WAKE_WORD_S = 5.0
"""With local voice activity: how long Home Assistant goes on listening for a wake word after somebody spoke."""


class WakeStage:
    """Of one satellite; it never hears anything where the cue is not there."""

    def __init__(self, cue: Cue, clock: Callable[[], float]) -> None:
        self.hears = False
        """Whether what is sent is heard by it."""
        self._cue = cue
        self._clock = clock
        self._from = -math.inf  # when it may be asked for again
        self._waits = backoff(0.5, 30.0)

    def run(self) -> RunPipeline:
        """Return what asks for it; from now on it hears."""
        self.hears = True
        return RunPipeline(PipelineStage.WAKE, PipelineStage.TTS, restart_on_end=self._cue is Cue.THERE)

    def ran(self) -> None:
        """Learn that Home Assistant runs it, which it does by itself after a turn."""
        self.hears = self._cue in {Cue.THERE, Cue.THERE_ON_SPEECH}

    def detected(self) -> None:
        """Learn that it has heard the wake word, and ended."""
        self.hears = False
        self._waits = backoff(0.5, 30.0)

    def failed(self) -> None:
        """Learn of an error: it does not begin anew by itself, and is asked for later and later."""
        if self.hears:
            self.hears = False
            self._from = self._clock() + next(self._waits)

    def end(self) -> None:
        """Let it hear nothing any more."""
        self.hears = False

    def anew(self) -> None:
        """Learn that another Home Assistant is there, or the same one again, which runs nothing yet."""
        self.hears, self._from = False, -math.inf

    def is_due(self) -> bool:
        """Return whether it is to be asked for although nobody speaks."""
        return self._cue is Cue.THERE and not self.hears and self._clock() >= self._from

    def is_in_vain(self, speech_until: float) -> bool:
        """Return whether it runs because somebody spoke, until `speech_until`, who has not said the wake word."""
        return self._cue is Cue.THERE_ON_SPEECH and self.hears and self._clock() >= speech_until + WAKE_WORD_S
