"""The satellite: listens, looks, answers, and rings, until it is cancelled, whatever comes and goes around it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wyoming.tts import SynthesizeVoice

from models.engine import WakeWordStream
from wyoming_servers.wire.tasks import first_of

from . import tones
from .actions import NAMES, Actions
from .apologies import Apologies
from .asking import Patience
from .clips import ClipMicrophone, play_files
from .controls import Control, Controls
from .ear import Ear
from .eyes import Eyes
from .happenings import Happening
from .house import Servers
from .microphone import Microphone, MicrophoneError
from .report import Observer, Observers, State
from .retry import keep_open
from .speaker import Speaker, SpeakerError
from .speaking import render
from .timers import PAUSE_S, Timer, Timers
from .turn import Means, Talk, take_turn
from .ulid import new_ulid
from .utterance import Utterance
from .voice import Voice
from .wake_server import WakeServer
from .waking import Waking

_LOGGER = logging.getLogger(__name__)

_FIND_S = 10.0
"""How long recordings wait for the servers that they want to be heard by."""

_QUESTION_MARKS = ("?", "\N{GREEK QUESTION MARK}", "\N{ARABIC QUESTION MARK}", "\N{FULLWIDTH QUESTION MARK}")

_PHRASE = Patience(silent=2.0, failing=0.0)
"""A timer rings now, with words or without."""


class Satellite:
    """One room's ears, eyes and voice."""

    def __init__(
        self,
        microphone: Microphone,
        speaker: Speaker,
        servers: Servers,
        *,
        eyes: Eyes | None = None,
        controls: Controls | None = None,
        wake_word: WakeWordStream | None = None,
        observer: Observer | None = None,
        language: str | None = None,
        voice: SynthesizeVoice | None = None,
        patience: Patience | None = None,
    ) -> None:
        """With a `wake_word` it answers who says that first; without one, everybody who speaks."""
        self._microphone = microphone
        self._speaker = speaker
        self._servers = servers
        self._eyes = eyes
        self._controls = controls or Controls(volume=speaker.volume)
        self._observer = Observers(*([observer] if observer is not None else []))
        self._wake_word = wake_word
        self._ear = Ear(None if wake_word is None else Waking(wake_word))
        self._voice_activity = Voice(servers, self._ear.judge)
        self._timers = Timers(time.monotonic)
        self._apologies = Apologies(servers, voice=voice)
        self._voice = voice
        self._talk = Talk()
        self._quiet_until = 0.0
        """Until when nothing rings, so that a "stop" can be heard between any two rings."""
        self._means = Means(
            servers=servers,
            speaker=speaker,
            actions=Actions(self._timers, self._controls),
            apologies=self._apologies,
            observer=self._observer,
            situation=self._situation,
            language=language,
            voice=voice,
            patience=patience or Patience(),
        )
        self._under_way: asyncio.Task[None] | None = None
        """The turn that is taken, or the timer that rings."""

    async def run(self, clips: Sequence[Path] = ()) -> None:
        """Serve until cancelled, or, where there are `clips` for a `ClipMicrophone`, until all were answered.

        Raises `MicrophoneError` or `CameraError` where the microphone or camera never worked; one that did is opened
        again as often as it takes. Raises `UnsupportedAudio` for a clip that is no WAV file.
        """
        for control in (Control.MUTE, Control.VOLUME, Control.CAMERA):
            self._used(control)
        unwatch = self._controls.watch(self._used)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self._listen(), name="ear"),
                    tasks.create_task(self._voice_activity.run(), name="voice activity"),
                    tasks.create_task(self._apologies.run(), name="apologies"),
                    tasks.create_task(self._converse(), name="turns"),
                ]
                if isinstance(self._wake_word, WakeServer):
                    running.append(tasks.create_task(self._wake_word.run(), name="wake word"))
                if self._eyes is not None:
                    running.append(tasks.create_task(self._eyes.run(), name="eyes"))
                if clips:
                    await self._play(clips)
                    for task in running:
                        task.cancel()
        except ExceptionGroup as group:
            raise first_of(group) from None
        finally:
            unwatch()

    def problems(self) -> list[str]:
        """Return what keeps it from its work, a line each."""
        problem = self._microphone.problem(time.monotonic())
        return [] if problem is None else [problem]

    async def ready(self) -> None:
        """Wait until it listens: no turn is under way, nothing rings, and the room's echo has died away."""
        await self._ear.ready()

    # ---- turns and timers, one after the other

    async def _converse(self) -> None:
        if self._wake_word is not None:
            self._observer.happened(Happening.DETECT)
        while True:
            due = self._timers.next_at
            wait = None if due is None else max(0.0, max(due, self._quiet_until) - time.monotonic())
            try:
                async with asyncio.timeout(wait):
                    # A timer that rings is silenced without the wake word.
                    utterance = await self._ear.hear(uncalled=self._timers.ringing)
            except TimeoutError:
                if (timer := self._timers.due()) is not None:
                    await self._unless_stopped(self._ring(timer))
            else:
                if self._controls.muted:  # since they began to speak
                    continue
                if utterance.wake_word is not None:
                    self._observer.happened(Happening.DETECTION, utterance.wake_word)
                await self._unless_stopped(self._answer(utterance))
                if self._wake_word is not None:
                    self._observer.happened(Happening.DETECT)

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` to its end, or until `_stop`."""
        self._under_way = asyncio.create_task(work)
        try:
            await asyncio.wait([self._under_way])
        finally:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])
        if not self._under_way.cancelled():
            self._under_way.result()

    def _used(self, control: Control) -> None:
        """Carry out a control."""
        match control:
            case Control.VOLUME:
                self._speaker.volume = self._controls.volume
            case Control.MUTE:
                self._ear.muted = self._controls.muted
                if self._controls.muted and self._observer.state is State.LISTENING:
                    self._stop()
            case Control.CAMERA if self._eyes is not None:
                self._eyes.camera.on = self._controls.camera
            case Control.TRIGGER if self._controls.muted:
                _LOGGER.info("the satellite is muted: it does not listen")
            case Control.TRIGGER:
                self._ear.invite()
                self._stop()
            case Control.RELEASE:
                self._ear.close()
            case Control.STOP:
                self._timers.stop_ringing()
                self._stop()

    def _stop(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()

    async def _answer(self, utterance: Utterance) -> None:
        try:
            report = await take_turn(utterance, self._means, self._talk)
            if self._wake_word is not None and report.reply.rstrip().endswith(_QUESTION_MARKS):
                self._ear.invite()  # who is asked something need not call again
        except Exception:
            _LOGGER.exception("a turn failed unexpectedly")
            await self._say_sorry()

    async def _ring(self, timer: Timer) -> None:
        """Ring once; the ear does not hear it."""
        words = await render(self._servers, phrase(timer), voice=self._voice, patience=_PHRASE)
        try:
            self._observer.became(State.RESPONDING)
            if not timer.rang:
                self._observer.happened(Happening.TIMER_FINISHED, timer.id)
            async with self._speaker.play(f"timer-{new_ulid()}") as playback:
                await playback.write(tones.chime(), tones.FORMAT)
                for pcm, sound in words or []:
                    await playback.write(pcm, sound)
        except SpeakerError as error:
            _LOGGER.error("%s", error)  # noqa: TRY400 - the message says it all
        finally:
            self._timers.rang(timer)
            self._quiet_until = time.monotonic() + PAUSE_S
            self._observer.became(State.IDLE)
        self._observer.rang(timer)

    async def _say_sorry(self) -> None:
        with suppress(SpeakerError):
            async with self._speaker.play(new_ulid()) as playback:
                await playback.write(tones.sorry(), tones.FORMAT)

    def _situation(self) -> dict[str, Any]:
        situation: dict[str, Any] = {
            "actions": list(NAMES),
            "timers": self._timers.listed(),
            "volume": self._controls.volume,
        }
        if self._eyes is not None and (sightings := self._eyes.sightings.listed(time.monotonic())) is not None:
            situation["sightings"] = sightings
        return situation

    # ---- the microphone

    async def _listen(self) -> None:
        async def listen() -> None:
            async with self._microphone:
                await self._ear.run(self._microphone, self._voice_activity)

        await keep_open(listen, MicrophoneError, worked=lambda: self._microphone.last is not None)

    async def _play(self, clips: Sequence[Path]) -> None:
        """Play recordings into the microphone, each when the house listens."""
        if not isinstance(self._microphone, ClipMicrophone):
            raise TypeError("clips are for a ClipMicrophone")
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIND_S):
                while not all(self._servers.candidates(job) for job in ("asr", "handle", "tts")):
                    await self._servers.changed()
        await play_files(self._microphone, clips, self.ready)
        await self.ready()


def phrase(timer: Timer) -> str:
    """Return what a timer says when it rings."""
    if timer.name:
        return f"Your {timer.name} timer is done."
    for unit, seconds in (("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(round(timer.seconds), seconds)
        if count and not rest:
            return f"Your {count} {unit} timer is done."
    return "Your timer is done."
