"""How much sound Whisper is given: what was spoken and a margin, or the 30 s that it was trained on.

Its encoder takes any length, and its cost grows with it: on two threads, tiny in 8 bits takes 182 ms for 30 s and 20 ms
for 8. But it has only ever seen 30 s, most of them silent behind short sentences. With no silence behind the speech it
tends to write the last words again and again, so a margin is added, and who reads the result looks for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.engine import SAMPLE_RATE

FULL = 3000
"""Frames of Whisper's own window, 10 ms each."""

MARGIN = 256
"""Frames of silence behind what was spoken. whisper.cpp's users who shorten its window add as many (128 positions of
the encoder, two frames each); how little is enough for which weights cannot be said without them."""

_STEP = 50
"""Frames; windows are whole multiples, so that few different sizes are ever allocated."""

_TAIL = np.zeros(SAMPLE_RATE // 50, np.float32)
"""A frame reaches 12.5 ms beyond its middle: this much silence is worked out, and the rest is known."""

Features = npt.NDArray[np.float32]
"""Mel bands x frames."""


def frames_for(seconds: float) -> int:
    """Return the frames of the window for `seconds` of speech."""
    return min(FULL, math.ceil((seconds * 100 + MARGIN) / _STEP) * _STEP)


def features(samples: npt.NDArray[np.float32], frames: int, extract: Callable[..., Features]) -> Features:
    """Return the features of `samples` (-1 to 1) and of silence behind them, `frames` in all; longer sound is cut.

    `extract` is faster-whisper's `FeatureExtractor`. What it makes of digital silence does not depend on how much of it
    there is, so silence costs nothing.
    """
    heard = extract(np.concatenate([samples, _TAIL]), padding=0)[:, :frames]
    # As the extractor does: 8 below the loudest at most, then scaled; silence is 1e-10 before the logarithm.
    loudest = float(heard.max()) * 4 - 4
    silence = (max(-10.0, loudest - 8) + 4) / 4
    return np.pad(heard, ((0, 0), (0, frames - heard.shape[1])), constant_values=np.float32(silence))
