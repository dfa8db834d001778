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

from .actions import NAMES, Actions
from .body import Body
from .controls import Control, Controls
from .eyes import Eyes
from .happenings import Happening
from .listening.ear import Ear
from .listening.utterance import Utterance
from .listening.voice import Voice
from .network.house import Servers
from .report import Observer, Observers, State
from .sound import tones
from .sound.microphone import Microphone
from .sound.speaker import Speaker, SpeakerError
from .timers import PAUSE_S, Timer, Timers
from .turns.apologies import Apologies
from .turns.asking import Patience
from .turns.speaking import render
from .turns.turn import Means, Talk, take_turn
from .ulid import new_ulid

_LOGGER = logging.getLogger(__name__)

_FIND_S = 10.0
"""How long recordings wait for the servers that they want to be heard by."""

_QUESTION_MARKS = ("?", "\N{GREEK QUESTION MARK}", "\N{ARABIC QUESTION MARK}", "\N{FULLWIDTH QUESTION MARK}")

_PHRASE = Patience(silent=2.0, failing=0.0)
"""A timer rings now, with words or without."""


class Satellite(Body):
    """One room's ears, eyes and voice."""

    def __init__(
        self,
        microphone: Microphone,
        speaker: Speaker,
        servers: Servers,
        *,
        eyes: Eyes | None = None,
        controls: Controls | None = None,
        timers: Timers | None = None,
        wake_word: WakeWordStream | None = None,
        observer: Observer | None = None,
        area: str | None = None,
        language: str | None = None,
        voice: SynthesizeVoice | None = None,
        patience: Patience | None = None,
    ) -> None:
        """With a `wake_word` it answers who says that first; without one, everybody who speaks.

        `area` is where it is.
        """
        super().__init__(microphone, speaker, eyes=eyes, controls=controls, wake_word=wake_word)
        self._servers = servers
        self._observer = Observers(*([observer] if observer is not None else []))
        self._ear = Ear(self._waking)
        self._voice_activity = Voice(servers, self._ear.judge)
        self._timers = timers or Timers(time.monotonic)
        self._apologies = Apologies(servers, voice=voice)
        self._voice = voice
        self._area = area
        self._talk = Talk()
        self._quiet_until = 0.0
        """Until when nothing rings, so that a "stop" can be heard between any two rings."""
        self._next_ring: asyncio.Timeout | None = None
        """What ends the listening when a timer is to ring."""
        self._timers.watch(self._timers_changed)
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

    async def ready(self) -> None:
        """Wait until it listens: no turn is under way, nothing rings, and the room's echo has died away."""
        await self._ear.ready()

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        return super()._work() | {
            "voice activity": self._voice_activity.run(),
            "apologies": self._apologies.run(),
            "turns": self._converse(),
        }

    # ---- turns and timers, one after the other

    async def _converse(self) -> None:
        if self._wake_word is not None:
            self._observer.happened(Happening.DETECT)
        while True:
            try:
                async with asyncio.timeout_at(self._rings_at()) as self._next_ring:
                    # A timer that rings is silenced without the wake word.
                    utterance = await self._ear.hear(uncalled=self._timers.ringing)
            except TimeoutError:
                self._next_ring = None
                if (timer := self._timers.due()) is not None:
                    await self._unless_stopped(self._ring(timer))
            else:
                self._next_ring = None
                if self._controls.muted:  # since they began to speak
                    continue
                if utterance.wake_word is not None:
                    self._observer.happened(Happening.DETECTION, utterance.wake_word)
                await self._unless_stopped(self._answer(utterance))
                if self._wake_word is not None:
                    self._observer.happened(Happening.DETECT)

    def _rings_at(self) -> float | None:
        """Return the monotonic time at which something is to ring next."""
        due = self._timers.next_at
        return None if due is None else max(due, self._quiet_until)

    def _timers_changed(self) -> None:
        if self._next_ring is not None and not self._next_ring.expired():
            self._next_ring.reschedule(self._rings_at())

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
        match control:
            case Control.MUTE:
                self._ear.muted = self._controls.muted
                if self._controls.muted and self._observer.state is State.LISTENING:
                    self._stop()
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
            case _:
                super()._used(control)

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
            "area": self._area,
        }
        if self._eyes is not None and (sightings := self._eyes.sightings.listed(time.monotonic())) is not None:
            situation["sightings"] = sightings
        return situation

    # ---- the microphone

    async def _hear(self) -> None:
        await self._ear.run(self._microphone, self._voice_activity)

    async def _play(self, clips: Sequence[Path]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIND_S):
                while not all(self._servers.candidates(job) for job in ("asr", "handle", "tts")):
                    await self._servers.changed()
        await super()._play(clips)


def phrase(timer: Timer) -> str:
    """Return what a timer says when it rings."""
    if timer.name:
        return f"Your {timer.name} timer is done."
    for unit, seconds in (("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(round(timer.seconds), seconds)
        if count and not rest:
            return f"Your {count} {unit} timer is done."
    return "Your timer is done."
