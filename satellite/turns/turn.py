"""One turn: what somebody says becomes words, the words an answer, and the answer sound, each while the last one runs.

::

    utterance -> asr (while it is spoken) -> handle -> tts (clause by clause) -> speaker (while the rest is made)

A server that fails is replaced by the next one for its job, with everything replayed. Where nobody is left the house
says so aloud.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wyoming.tts import SynthesizeVoice

from satellite.actions import Actions
from satellite.happenings import Happening
from satellite.listening.utterance import Utterance
from satellite.network.house import Servers
from satellite.report import Observer, Stage, State, TurnReport
from satellite.sound.speaker import Playback, Speaker, SpeakerError
from satellite.ulid import new_ulid
from wyoming_servers.wire.audio import Format

from .apologies import Apologies
from .asking import Asker, Patience, StageFailed
from .deciding import decide
from .hearing import hear
from .reply import Reply
from .speaking import speak

_LOGGER = logging.getLogger(__name__)

CONVERSATION_S = 300.0
"""After so long without a word a new conversation begins, as with Home Assistant."""

_LANGUAGE_CHARACTERS = 35
"""Of a language tag (RFC 5646 recommends to allow so many)."""


@dataclass
class Talk:
    """What one turn leaves to the next."""

    conversation_id: str = field(default_factory=new_ulid)
    last_reply: str | None = None
    """What was last said aloud, whole."""

    last_time: float = float("-inf")

    def go_on(self, now: float) -> None:
        """Begin anew after a long silence."""
        if now - self.last_time > CONVERSATION_S:
            self.conversation_id, self.last_reply = new_ulid(), None
        self.last_time = now


@dataclass(frozen=True)
class Means:
    """What turns are made with."""

    servers: Servers
    speaker: Speaker
    actions: Actions
    apologies: Apologies
    observer: Observer
    situation: Callable[[], dict[str, Any]]
    """Returns what the handle server is to know: sightings, timers, volume."""

    language: str | None = None
    voice: SynthesizeVoice | None = None
    patience: Patience = field(default_factory=Patience)


async def take_turn(utterance: Utterance, means: Means, talk: Talk) -> TurnReport:
    """Answer `utterance`; return when the answer was heard. One in which nobody spoke is not answered.

    Whatever the servers do, it ends within `means.patience`, in an answer or an apology. Cancelling it closes the
    connections, and the house is silent at once.
    """
    turn = _Turn(utterance, means, talk)
    means.observer.became(State.LISTENING)
    means.observer.turn_began(turn.report)
    means.observer.happened(Happening.STT_START)
    means.observer.happened(Happening.STREAMING_START)
    try:
        async with asyncio.timeout(means.patience.turn):
            await turn.run()
    except TimeoutError:
        turn.report.error = f"the turn was given up after {means.patience.turn:g} s"
        _LOGGER.warning("%s", turn.report.error)
    except SpeakerError as error:
        turn.report.error = str(error)
        _LOGGER.error("%s", error)  # noqa: TRY400 - the message says it all
    except asyncio.CancelledError:
        turn.report.error = "the turn was stopped"
        raise
    finally:
        utterance.end()
        if (wrong := turn.report.error or turn.report.apology) is not None:
            means.observer.happened(Happening.ERROR, turn.report.error or f"nobody could do {wrong}")
        means.observer.turn_ended(turn.report)
        means.observer.became(State.IDLE)
    return turn.report


class _Turn:
    def __init__(self, utterance: Utterance, means: Means, talk: Talk) -> None:
        self.report = TurnReport()
        self.report.stages["listen"] = Stage(utterance.voice_began)
        self._utterance = utterance
        self._means = means
        self._talk = talk
        self._reply = Reply()

    async def run(self) -> None:
        async with Asker(self._means.servers, self._means.patience) as asker:
            self.report.failures = asker.failures
            asker.warm("asr", "handle", "tts")
            try:
                await self._hear(asker)
            except StageFailed as error:
                await self._only_apologise(error)
            else:
                if self.report.heard or not self._utterance.is_silent:
                    await self._answer(asker)

    async def _hear(self, asker: Asker) -> None:
        report = self.report
        try:
            report.heard, language = await hear(
                asker, self._utterance, language=self._means.language, began=lambda: report.begin("asr")
            )
        finally:
            self._utterance.end()
            report.end("listen")
            report.end("asr")
            self._means.observer.happened(Happening.STT_STOP)
            self._means.observer.happened(Happening.STREAMING_STOP)
        self._language = language[:_LANGUAGE_CHARACTERS] if language else self._means.language
        self._means.observer.became(State.PROCESSING)
        self._means.observer.heard(report)
        if report.heard:
            self._means.observer.happened(Happening.TRANSCRIPT, report.heard)

    async def _answer(self, asker: Asker) -> None:
        """Decide and speak at once; the speaker is made ready in the meantime."""
        async with asyncio.TaskGroup() as tasks:
            deciding = tasks.create_task(self._decide(asker))
            try:
                async with self._means.speaker.play(self.report.id) as playback:
                    failed = await self._speak(asker, playback)
                    if (undecided := await deciding) is not None:
                        failed = undecided
                    if failed is not None:
                        await self._apologise(failed, playback)
                    await playback.finished()
                    self._heard_aloud(playback)
            except SpeakerError as error:
                # Not an error of the task group: what was asked for is still decided and done.
                self.report.error = str(error)
                _LOGGER.error("%s", error)  # noqa: TRY400

    async def _decide(self, asker: Asker) -> StageFailed | None:
        report, talk = self.report, self._talk
        talk.go_on(time.monotonic())
        context = {"conversation_id": talk.conversation_id, **self._means.situation()}
        if talk.last_reply is not None:
            context["last_reply"] = talk.last_reply
        report.begin("handle")
        try:
            decision = await decide(asker, report.heard or "", self._reply, language=self._language, context=context)
        except StageFailed as error:
            return error
        finally:
            self._reply.end()
            report.end("handle")
        report.handled, report.intent, report.reply = decision.handled, decision.intent, self._reply.text
        report.actions = self._means.actions.carry_out(decision.actions)
        self._means.observer.decided(report)
        if report.reply:
            self._means.observer.happened(Happening.SYNTHESIZE, report.reply)
        return None

    async def _speak(self, asker: Asker, playback: Playback) -> StageFailed | None:
        report = self.report

        async def write(pcm: bytes, sound: Format) -> None:
            if not playback.seconds:
                self._means.observer.happened(Happening.TTS_START)
            self._means.observer.became(State.RESPONDING)
            await playback.write(pcm, sound)
            report.end("tts")

        try:
            await speak(asker, self._reply, write, voice=self._means.voice, began=lambda: report.begin("tts"))
        except StageFailed as error:
            return error
        if playback.seconds:
            self._means.observer.happened(Happening.TTS_STOP)
        return None

    async def _only_apologise(self, error: StageFailed) -> None:
        async with self._means.speaker.play(self.report.id) as playback:
            await self._apologise(error, playback)
            await playback.finished()
            self._heard_aloud(playback)

    async def _apologise(self, error: StageFailed, playback: Playback) -> None:
        _LOGGER.warning("%s", error)
        self.report.apology = error.job
        self._means.observer.became(State.RESPONDING)
        await self._means.apologies.say(error.job, playback.write)

    def _heard_aloud(self, playback: Playback) -> None:
        self.report.wav = playback.path
        if playback.first_sound is not None:
            self.report.stages["speak"] = Stage(playback.first_sound, playback.ended)
            self._means.observer.happened(Happening.TTS_PLAYED)
        if self._reply.text and self.report.apology is None and not playback.stopped:
            self._talk.last_reply = self._reply.text
