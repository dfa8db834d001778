"""The wake word: when the house is called, and where the word ends and what is asked of it begins.

A model knows a word some time before or after its end, so one breath ("okay nabu turn on the light") is cut where it
was most quiet about then. What comes after the cut belongs to the command, what comes before it the recognizer need not
hear.

Nothing here waits or knows of a clock: times are those of the chunks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.engine import WakeWordHeard, WakeWordStream
from satellite.sound.microphone import CHUNK_SAMPLES, Chunk
from wyoming_servers.wire.audio import RATE

EARLIER_S = 0.3
"""How long before a word is known it may have ended: measured up to 0.34 s, with Alexa; Okay Nabu 0.26 s."""

LATER_S = 0.1
"""How long after: up to 0.12 s. A word is told of so much later than it was known; nobody waits for that."""

_FRAME = RATE // 100
_FRAMES = CHUNK_SAMPLES // _FRAME
_QUIET = 2.5
"""Times the power of the most quiet 30 ms, 4 dB: what is below it is as quiet."""

_EARLIER, _LATER = round(EARLIER_S * RATE) // _FRAME, round(LATER_S * RATE) // _FRAME

_LATEST_S = 1.0
"""Of a server's."""

_KEPT = _EARLIER + _LATER + round(_LATEST_S * RATE) // _FRAME


@dataclass(frozen=True, slots=True)
class Woken:
    """The house was called."""

    name: str
    """The wake word's, such as okay_nabu."""

    since: float
    """`time.monotonic()` when what was captured no longer was the word: from there on it is the command."""


class Waking:
    """Hears one microphone all the time, and tells when one of some wake words was said.

    A chunk, 20 ms, takes it 0.07 ms with one word; it may run on the event loop. Words that the house itself says are
    told as well: pass over what is told while it speaks.
    """

    def __init__(self, stream: WakeWordStream) -> None:
        """`stream` hears the words: an engine's, or a server's, which may be up to a second late."""
        self._stream = stream
        self._heard = 0
        """Frames of 10 ms."""
        self._loudness: deque[float] = deque(maxlen=_KEPT)
        self._times: deque[float] = deque(maxlen=_KEPT)
        """Of the last frames, when they were captured."""
        self._known: WakeWordHeard | None = None

    def feed(self, chunk: Chunk) -> Woken | None:
        """Hear the next chunk; return the word whose end is known by now, `LATER_S` after the model knew of it.

        Of several words at once it is the first.
        """
        samples = np.frombuffer(chunk.pcm, "<i2").astype(np.float32).reshape(_FRAMES, _FRAME)
        self._loudness.extend(np.einsum("ij,ij->i", samples, samples).tolist())
        self._times.extend(chunk.time + index * _FRAME / RATE for index in range(_FRAMES))
        self._heard += _FRAMES
        for known in self._stream.feed(chunk.pcm):
            self._known = self._known or known
        if self._known is None or self._heard < self._known.samples // _FRAME + _LATER:
            return None
        known, self._known = self._known, None
        # Frames that are kept, from about where the word may have ended first to where it may have ended last.
        first = known.samples // _FRAME - _EARLIER - (self._heard - len(self._loudness))
        first = max(0, min(first, len(self._loudness) - _EARLIER - _LATER))
        quiet = _most_quiet(list(self._loudness)[first : first + _EARLIER + _LATER])
        return Woken(known.name, self._times[first + quiet])


def _most_quiet(loudness: Sequence[float]) -> int:
    """Return the place in the middle of the longest stretch that is as quiet as it gets."""
    smooth = np.convolve(np.asarray(loudness), np.full(3, 1 / 3), "same")
    smooth[[0, -1]] = smooth[[1, -2]]  # beyond its ends lies sound that is not known, not silence
    best = begin = end = 0
    for place, is_quiet in enumerate([*(smooth <= smooth.min() * _QUIET), False]):
        if is_quiet:
            continue
        if place - begin > end - best:
            best, end = begin, place
        begin = place + 1
    return (best + end) // 2
