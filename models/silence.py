"""Silence around speech: what is heard first should be sound, and what is heard last should not be waiting."""

from __future__ import annotations

import numpy as np

THRESHOLD = 64
"""Of 32768, or -54 dB: below it is silence."""

KEPT_MS = 20
"""Silence that stays before the first sound and after the last, so that neither is clipped."""


class Trim:
    """Takes 16-bit mono speech as it comes, and gives it without the silence before and after it.

    Pauses between sounds stay as long as they are: silence is held back until sound follows. What is held back is one
    silence's samples, so bounded by what a voice pauses.
    """

    def __init__(self, rate: int) -> None:
        self._kept = 2 * (rate * KEPT_MS // 1000)  # bytes
        self._begun = False
        self._held = b""

    def feed(self, pcm: bytes) -> bytes:
        """Return what may be played now; `pcm` is a whole number of samples."""
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) >= THRESHOLD)
        if loud.size == 0:
            self._held += pcm
            if not self._begun:
                self._held = self._held[-self._kept :]
            return b""
        end = 2 * (int(loud[-1]) + 1)
        start = 0
        if not self._begun:
            self._begun = True
            self._held = (self._held + pcm[: 2 * int(loud[0])])[-self._kept :]
            start = 2 * int(loud[0])
        ready, self._held = self._held + pcm[start:end], pcm[end:]
        return ready

    def finish(self) -> bytes:
        """Return the last of the sound: the speech is over."""
        rest = self._held[: self._kept] if self._begun else b""
        self._begun, self._held = False, b""
        return rest
