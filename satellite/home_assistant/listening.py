"""What the microphone gives, for a turn: what is kept from before it, whether somebody speaks, and when all is said.

Pure logic on an injected clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from models.engine import VoiceActivityStream
from models.voice_activity import MIN_SILENCE_MS, THRESHOLD, VoiceSegmenter, VoiceStarted
from satellite.sound.microphone import CHUNK_SAMPLES, Chunk
from wyoming_servers.wire.audio import RATE

PRE_ROLL_S = 1.5
"""What is kept from before a turn begins. Speech is noticed some windows after its first sound."""

NOBODY_S = 7.0
"""A turn in which nobody has spoken for so long is given up; Home Assistant itself would wait 15 s."""

SILENCE_S = 2.0
"""Silence after speech that ends a turn if Home Assistant has not ended it, which by default does so after 0.7 s."""

LONGEST_S = 20.0
"""Of what is said in one turn. Home Assistant's own limit is 15 s, where it looks for the end at all."""

HELD_S = 60.0
"""The same while a button is held."""


class Listening:
    """One microphone's last moments, and the turn that is being spoken."""

    def __init__(self, voice: VoiceActivityStream | None, clock: Callable[[], float], *, always: bool) -> None:
        """`voice` tells when somebody speaks; `always`: also between turns."""
        self.spoken = False
        """Whether anybody spoke in this turn."""
        self.held = False
        """Whether this turn lasts until somebody says so, at most a minute."""
        self.speech_until = -math.inf
        """When somebody was last heard to speak."""
        self._voice = voice
        self._clock = clock
        self._always = always
        self._pre_roll: deque[Chunk] = deque(maxlen=round(PRE_ROLL_S * RATE / CHUNK_SAMPLES))
        self._segmenter = VoiceSegmenter()
        self._from = -math.inf
        self._began = -math.inf

    def ignore(self, until: float) -> None:
        """Hear nothing that was captured before `until`: it is our own sound, or nobody's business."""
        self._from = max(self._from, until)

    def forget(self) -> None:
        """Drop what was kept."""
        self._pre_roll.clear()

    def takes(self, chunk: Chunk) -> bool:
        """Return whether a chunk is to be heard at all."""
        return chunk.time >= self._from

    def judge(self, chunk: Chunk) -> bool:
        """Notice who speaks; return whether somebody has just begun to."""
        begun = False
        for probability in self._voice.feed(chunk.pcm) if self._voice is not None else ():
            for edge in self._segmenter.feed([probability]):
                if isinstance(edge, VoiceStarted):
                    begun = self.spoken = True
                else:
                    self.speech_until = self._clock() - MIN_SILENCE_MS / 1000
            if self._segmenter.speaking or probability >= THRESHOLD:
                self.speech_until = self._clock()
        return begun

    def keep(self, chunk: Chunk) -> None:
        """Keep a chunk for a turn that may begin soon."""
        self._pre_roll.append(chunk)

    def begin(self, since: float) -> bytes:
        """Begin a turn, and return what was captured from `since` on."""
        self._began = self._clock()
        self.held = False
        kept = [chunk for chunk in self._pre_roll if chunk.time >= max(since, self._from)]
        if self._always:
            self.spoken = self._segmenter.speaking
        else:  # nobody listened so far
            self._segmenter = VoiceSegmenter()
            self.spoken = False
            for chunk in kept:
                self.judge(chunk)
        return b"".join(chunk.pcm for chunk in kept)

    def is_over(self) -> bool:
        """Return whether nothing more will be said in this turn, as far as can be told here."""
        now = self._clock()
        if self.held:
            return now >= self._began + HELD_S
        if now >= self._began + LONGEST_S:
            return True
        if self._voice is None:
            return False
        since = max(self._began, self._from)
        if not self.spoken:
            return now >= since + NOBODY_S
        return not self._segmenter.speaking and now >= max(since, self.speech_until) + SILENCE_S
