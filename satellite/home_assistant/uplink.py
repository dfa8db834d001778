"""What goes to Home Assistant: sound, and which of its stages is to hear it. Nothing goes where nobody is.

It runs one pipeline for us at a time, and another `run-pipeline` cancels the one that runs. But the end of the one that
was cancelled it takes for that of the new one, which from then on gets no sound; and so does the next, for which that
one is cancelled (seen with 2026.11). So where one may still run, we first ask for what it cannot do, speech of no
words: that cancels as well, and is over at once, with an error. Until that comes, what is to go is held back.

Pure logic on an injected clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from wyoming.audio import AudioChunk, AudioStop
from wyoming.event import Eventable
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.wake import Detection

from satellite.happenings import Happening
from satellite.report import Observer
from wyoming_servers.wire.audio import RATE, WIDTH

from .cue import Cue
from .link import Link
from .wake_stage import WakeStage

CLEARED_S = 1.0
"""Longest wait for the error that says that nothing runs any more; older Home Assistants do not say it."""

_CLEARED = "validation-error"
"""The code of that error."""

_NOTHING = RunPipeline(PipelineStage.TTS, PipelineStage.TTS)


class Uplink:
    """One satellite's."""

    def __init__(self, cue: Cue, observer: Observer, clock: Callable[[], float]) -> None:
        self.link: Link | None = None
        """Who is there."""
        self.runs = False
        """Whether it has asked us to run, and has not paused us."""
        self._observer = observer
        self._clock = clock
        self._wake_stage = WakeStage(cue, clock)
        self._answered: set[str] | None = None  # of its answer, what has come; None while no pipeline can run
        self._held: list[Eventable] | None = None  # until nothing runs any more
        self._cleared_by = math.inf
        self._clearing = False

    def connect(self, link: Link) -> None:
        """Learn who is there, and asks us to run."""
        self.link, self.runs = link, True
        self._wake_stage.anew()
        self._forget()

    def pause(self) -> None:
        """Learn that it wants nothing any more."""
        self.runs = False
        self._wake_stage.end()
        self._forget()

    def disconnect(self) -> None:
        """Learn that it has gone."""
        self.link = None
        self.pause()

    # ---- its wake stage

    @property
    def awaits_wake_word(self) -> bool:
        """Whether its wake stage hears what is sent."""
        return self._wake_stage.hears

    def ran(self) -> None:
        """Learn that it runs its wake stage, which it does by itself after a turn."""
        if self.runs and self._held is None:  # else it is one that is over at once
            self._wake_stage.ran()
            self._answered = set()

    def detected(self) -> bool:
        """Learn that its wake stage has heard the wake word; return False where it does not run for us."""
        if not self._wake_stage.hears:
            return False
        self._wake_stage.detected()
        return True

    def await_wake_word(self) -> None:
        """Let its wake stage hear what is sent from now on."""
        self._run(self._wake_stage.run())

    def tick(self, *, at_rest: bool, speech_until: float) -> None:
        """Let its wake stage hear, or no longer, as time has come; `at_rest`: no turn is under way."""
        if self._held is not None and self._clock() >= self._cleared_by:
            self._cleared()
        if self.runs and at_rest and self._wake_stage.is_due():
            self.await_wake_word()
        elif self._wake_stage.is_in_vain(speech_until):
            self._wake_stage.end()
            self.end_sound()
            self._observer.happened(Happening.STREAMING_STOP)

    # ---- a turn

    def begin(self, wake_word: str | None) -> None:
        """Let it understand and answer what is sent from now on; `wake_word` was heard here, or None."""
        run = RunPipeline(PipelineStage.ASR, PipelineStage.TTS, wake_word_name=wake_word)
        self._run(*([] if wake_word is None else [Detection(name=wake_word)]), run)
        self._wake_stage.end()

    def sound(self, pcm: bytes) -> None:
        """Send what was heard, 16 kHz 16-bit mono."""
        if pcm:
            self._send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm))

    def end_sound(self) -> None:
        """Say that no more sound comes."""
        self._send(AudioStop())

    # ---- the pipeline that it runs

    def answered(self, event_type: str) -> None:
        """Learn of the words of an answer, or of its sound: when both have come, in any order, all is done."""
        if self._answered is not None:
            self._answered.add(event_type)
            if self._answered >= {"synthesize", "audio-start"}:
                self._answered = None

    def failed(self, code: str | None) -> bool:
        """Learn of an error, which ends what runs; return False where that is nothing that is wanted any more."""
        if self._clearing and code == _CLEARED:
            self._clearing = False
            self._cleared()
            return False
        if self._held is not None:
            return False
        self._answered = None
        self._wake_stage.failed()
        return True

    def _run(self, *events: Eventable) -> None:
        """Send `events`, the last of which asks for a pipeline, when no other one runs any more."""
        if self._held is None and self._answered is not None:
            self.end_sound()  # its wake stage ends with its sound alone
            self._send(_NOTHING)
            self._clearing, self._cleared_by = True, self._clock() + CLEARED_S
            self._held = []
        if self._held is not None:
            self._held.clear()  # what was asked for meanwhile is not wanted any more either
        for event in events:
            self._send(event)
        self._answered = set()

    def _cleared(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._send(event)

    def _forget(self) -> None:
        self._answered = self._held = None
        self._clearing = False

    def _send(self, event: Eventable) -> None:
        if self._held is not None:
            self._held.append(event)
        elif self.link is not None:
            self.link.send(event)
