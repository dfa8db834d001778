"""Speech to test with, made here, so that no recording is needed."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr

from models.engine import SAMPLE_RATE
from models.espeak import EspeakSynthesizer


@cache
def speech(text: str = "Turn on the lights in the office.", *, before_ms: int = 500, after_ms: int = 1000) -> bytes:
    """Return `text` spoken, 16 kHz mono s16, with silence around it."""
    espeak = EspeakSynthesizer()
    pcm = np.frombuffer(espeak.open().speak(text).pcm, "<i2")
    spoken: bytes = soxr.resample(pcm, espeak.rate, SAMPLE_RATE).astype("<i2").tobytes()
    return silence(before_ms) + spoken + silence(after_ms)


def silence(ms: int) -> bytes:
    return bytes(2 * SAMPLE_RATE * ms // 1000)
