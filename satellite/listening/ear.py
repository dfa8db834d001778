"""The ear: keeps the last moments, notices that somebody begins to speak, and opens an utterance with those in it.

It listens only while somebody awaits `hear`, so never to the house's own voice. While it is muted it hears silence.
With a wake word it opens an utterance only for who says that first, and only then is it judged whether somebody speaks.
"""

from __future__ import annotations

import asyncio
from collections import deque

from models.voice_activity import VoiceSegmenter, VoiceStarted
from satellite.sound.microphone import CHUNK_SAMPLES, Chunk, Microphone
from wyoming_servers.wire.audio import RATE

from .utterance import Utterance
from .voice import WINDOW_SAMPLES, Voice
from .waking import Waking, Woken

PRE_ROLL_S = 1.5
"""What is kept from before the moment in which speech was noticed."""

ECHO_S = 0.2
"""After the house has spoken the room still does."""

INVITED_S = 5.0
"""So long somebody who was invited to speak, or has said the wake word, may take to begin."""

_JUDGED_S = 0.4
"""What is judged of what was said before the wake word was known: more at once would look as if the judge were slow."""


class Ear:
    """Hears one utterance after the other. Places are samples that the microphone gave while `run` ran."""

    def __init__(self, waking: Waking | None = None) -> None:
        """`waking` hears the wake word; None listens to all who speak."""
        self._waking = waking
        self._needs_word = False  # who awaits `hear` wants only those who say the wake word
        self._skips: deque[tuple[int, int]] = deque([(0, 0)])  # samples that were judged, and skipped before those
        self._given = 0  # samples, to be judged
        self._pre_roll: deque[Chunk] = deque(maxlen=round(PRE_ROLL_S * RATE / CHUNK_SAMPLES))
        self._heard = 0
        self._judged = 0
        self._wanted: asyncio.Future[Utterance] | None = None
        self._from = 0  # what came before this place was the house, or nobody wanted to hear it
        self._segmenter = VoiceSegmenter()
        self._segments_from = 0
        self._utterance: Utterance | None = None
        self._begins_at = 0  # of the utterance
        self._listening = asyncio.Event()
        self._invited = False
        self._muted = False

    @property
    def muted(self) -> bool:
        """Whether it hears silence in place of what the microphone gives.

        An utterance that is open then goes on with silence: who reads it gives it up. Were it ended, it would look
        like one that is whole.
        """
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        if muted:
            self._pre_roll.clear()
            self._invited = False

    def invite(self) -> None:
        """Open the next utterance at once, whether or not somebody speaks; when muted, do nothing.

        It is opened for who awaits `hear`, or does so next, and ends where nobody begins to speak within 5 s.
        """
        self._invited = not self._muted

    async def hear(self, *, uncalled: bool = False) -> Utterance:
        """Return the next utterance when its speaker has just begun. If cancelled, nothing was heard.

        `uncalled`: the wake word is not needed. One caller at a time. The utterance goes on until its `end` is called.
        """
        self.close()
        self._needs_word = self._waking is not None and not uncalled
        self._from = self._heard + round(ECHO_S * RATE)
        self._wanted = asyncio.get_running_loop().create_future()
        try:
            return await self._wanted
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._wanted = None
            self._listening.clear()

    async def ready(self) -> None:
        """Wait until it listens."""
        await self._listening.wait()

    async def run(self, microphone: Microphone, voice: Voice) -> None:
        """Listen to an open microphone until it fails; raise `MicrophoneError`. `voice` calls `judge`."""
        self._invited = False
        try:
            async for heard in microphone:
                chunk = heard.hushed() if self._muted else heard
                self._heard += CHUNK_SAMPLES
                woken = self._waking.feed(chunk) if self._waking is not None else None
                unjudged = [chunk]
                if self._utterance is not None and not self._utterance.ended:
                    self._utterance.add(chunk)
                elif self._wanted is not None and self._heard > self._from:
                    if self._invited:
                        self._pre_roll.clear()  # they speak after they were invited
                    self._pre_roll.append(chunk)
                    if voice.is_judged or self._needs_word:
                        self._listening.set()
                    if self._invited:
                        self._open(self._heard).await_voice(INVITED_S)
                    elif self._needs_word and woken is not None:
                        unjudged = self._called(woken)
                if self._utterance is not None or not self._needs_word:
                    await self._judge(voice, unjudged)
        finally:
            self.close()

    def judge(self, probability: float) -> None:
        """Take the probability that somebody speaks in the next window."""
        while len(self._skips) > 1 and self._skips[1][0] <= self._judged:
            self._skips.popleft()
        begins_at = self._judged + self._skips[0][1]
        self._judged += WINDOW_SAMPLES
        if begins_at < self._from or (self._wanted is None and self._utterance is None):
            return
        if self._wanted is not None and not self._pre_roll:
            return
        if self._segments_from < self._from:
            self._segmenter, self._segments_from = VoiceSegmenter(), begins_at
        for edge in self._segmenter.feed([probability]):
            place = self._segments_from + edge.ms * RATE // 1000
            if isinstance(edge, VoiceStarted):
                self._voice_began(place)
            elif self._utterance is not None:
                self._utterance.voice(place - self._begins_at)

    def close(self) -> None:
        """End the utterance that is open, and forget what was heard."""
        if self._utterance is not None:
            self._utterance.end()
        self._utterance = None
        self._pre_roll.clear()

    def _voice_began(self, place: int) -> None:
        if self._utterance is not None:
            self._utterance.voice(None)
        elif self._wanted is not None and not self._wanted.done() and not self._needs_word:
            self._open(place)

    async def _judge(self, voice: Voice, chunks: list[Chunk]) -> None:
        """Have the last `chunks` judged; what came since those before them is skipped."""
        skipped = self._heard - len(chunks) * CHUNK_SAMPLES - self._given
        if skipped != self._skips[-1][1]:
            self._skips.append((self._given, skipped))
        self._given += len(chunks) * CHUNK_SAMPLES
        await voice.feed(b"".join(chunk.pcm for chunk in chunks))

    def _called(self, woken: Woken) -> list[Chunk]:
        """Open an utterance with what came after the wake word; return what of it is to be judged."""
        kept = [chunk for chunk in self._pre_roll if chunk.time >= woken.since]
        self._pre_roll.clear()
        self._pre_roll.extend(kept)
        utterance = self._open(0)
        utterance.wake_word = woken.name
        utterance.await_voice(INVITED_S)
        return kept[-round(_JUDGED_S * RATE / CHUNK_SAMPLES) :]

    def _open(self, place: int) -> Utterance:
        """Open an utterance in which somebody begins to speak at `place`."""
        self._invited = False
        self._begins_at = self._heard - len(self._pre_roll) * CHUNK_SAMPLES
        self._utterance = Utterance(self._pre_roll, max(0, place - self._begins_at))
        self._pre_roll.clear()
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(self._utterance)
        return self._utterance
