"""Where in a sound something can be heard, so that latency is counted between true edges.

A 10 ms frame is audible when it lies within 40 dB of the sound's loudest frame. The true end of speech is the end of
the last audible frame, and first sound is the beginning of the first one.
"""

from __future__ import annotations

from array import array

import numpy as np

FRAMES_PER_SECOND = 100
"""Frames are 10 ms long (rounded down to whole samples)."""

AUDIBLE_POWER = 1e-4
"""40 dB below the loudest frame's power."""


class Loudness:
    """The power of each frame of a sound that comes in pieces (16-bit signed mono); 400 bytes a second."""

    def __init__(self, rate: int) -> None:
        self._frame = max(1, rate // FRAMES_PER_SECOND)
        self._rest = b""
        self._powers = array("f")

    def add(self, pcm: bytes) -> None:
        """Hear more; what does not fill a frame waits for the next piece."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % (2 * self._frame)
        self._rest = pcm[whole:]
        if whole:
            frames = np.frombuffer(pcm, "<i2", whole // 2).reshape(-1, self._frame).astype(np.float32)
            self._powers.extend(np.square(frames).mean(axis=1).tolist())

    def edges(self) -> tuple[int, int] | None:
        """Return the samples at which what can be heard begins and ends, or None when nothing can be heard."""
        powers = np.frombuffer(self._powers, np.float32) if self._powers else np.zeros(1, np.float32)
        loudest = float(powers.max())
        if loudest <= 0:
            return None
        audible = np.flatnonzero(powers >= loudest * AUDIBLE_POWER)
        return int(audible[0]) * self._frame, (int(audible[-1]) + 1) * self._frame


def audible_edges(pcm: bytes, rate: int) -> tuple[float, float] | None:
    """Return the seconds at which what can be heard in `pcm` (16-bit signed mono) begins and ends, or None."""
    loudness = Loudness(rate)
    loudness.add(pcm)
    edges = loudness.edges()
    return None if edges is None else (edges[0] / rate, edges[1] / rate)
