"""What goes to Home Assistant: sound, and which of its stages is to hear it. Nothing goes where nobody is.

Pure logic on an injected clock.
"""

from __future__ import annotations

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


class Uplink:
    """One satellite's."""

    def __init__(self, cue: Cue, observer: Observer, clock: Callable[[], float]) -> None:
        self.link: Link | None = None
        """Who is there."""
        self.runs = False
        """Whether it has asked us to run, and has not paused us."""
        self._observer = observer
        self._wake_stage = WakeStage(cue, clock)

    def connect(self, link: Link) -> None:
        """Learn who is there, and asks us to run."""
        self.link, self.runs = link, True
        self._wake_stage.anew()

    def pause(self) -> None:
        """Learn that it wants nothing any more."""
        self.runs = False
        self._wake_stage.end()

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
        if self.runs:
            self._wake_stage.ran()

    def detected(self) -> bool:
        """Learn that its wake stage has heard the wake word; return False where it does not run for us."""
        if not self._wake_stage.hears:
            return False
        self._wake_stage.detected()
        return True

    def failed(self) -> None:
        """Learn of an error, which ends its wake stage where that runs."""
        self._wake_stage.failed()

    def await_wake_word(self) -> None:
        """Let its wake stage hear what is sent from now on."""
        self._send(self._wake_stage.run())

    def tick(self, *, at_rest: bool, speech_until: float) -> None:
        """Let its wake stage hear, or no longer, as time has come; `at_rest`: no turn is under way."""
        if self.runs and at_rest and self._wake_stage.is_due():
            self.await_wake_word()
        elif self._wake_stage.is_in_vain(speech_until):
            self._wake_stage.end()
            self.end_sound()
            self._observer.happened(Happening.STREAMING_STOP)

    # ---- a turn

    def begin(self, wake_word: str | None) -> None:
        """Let it understand and answer what is sent from now on; `wake_word` was heard here, or None."""
        if wake_word is not None:
            self._send(Detection(name=wake_word))
        self._send(RunPipeline(PipelineStage.ASR, PipelineStage.TTS, wake_word_name=wake_word))
        self._wake_stage.end()

    def sound(self, pcm: bytes) -> None:
        """Send what was heard, 16 kHz 16-bit mono."""
        if pcm:
            self._send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm))

    def end_sound(self) -> None:
        """Say that no more sound comes."""
        self._send(AudioStop())

    def _send(self, event: Eventable) -> None:
        if self.link is not None:
            self.link.send(event)
