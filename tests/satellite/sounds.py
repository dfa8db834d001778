"""Sounds for the tests: made here, so that none has to be kept."""

from __future__ import annotations

import numpy as np


def tone(seconds: float, *, rate: int = 16_000, hertz: float = 440, level: float = 0.5) -> bytes:
    """Return a sine, 16-bit mono."""
    times = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hertz * times) * level * 32767).astype("<i2").tobytes()


def silence(seconds: float, *, rate: int = 16_000) -> bytes:
    """Return zeros, 16-bit mono."""
    return bytes(2 * round(seconds * rate))
