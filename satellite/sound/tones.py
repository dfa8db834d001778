"""Sounds that the house makes without anybody's help."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 22_050
FORMAT = (RATE, 2, 1)

_LOUDNESS = 0.35
"""Of full scale: about as loud as speech."""


@cache
def chime() -> bytes:
    """Return what rings: three rising notes, 16-bit mono of `RATE` hertz."""
    return _notes((659.3, 830.6, 987.8), 0.28)  # E5, G sharp 5, B5


@cache
def awake() -> bytes:
    """Return what says "I listen": two short rising notes."""
    return _notes((784.0, 1174.7), 0.12)  # G5, D6


@cache
def done() -> bytes:
    """Return what says "I have heard": two short falling notes."""
    return _notes((1174.7, 784.0), 0.12)


@cache
def sorry() -> bytes:
    """Return what says "that went wrong" where no words can be had: two falling notes."""
    return _notes((392.0, 293.7), 0.35)  # G4, D4


def _notes(hertz: tuple[float, ...], seconds: float) -> bytes:
    """Return notes like a struck bell's: each begins within 5 ms and dies away."""
    times = np.arange(round(seconds * RATE)) / RATE
    shape = np.minimum(times / 0.005, 1) * np.exp(-times * 6) * np.minimum((seconds - times) / 0.02, 1)
    notes = [np.sin(2 * np.pi * note * times) + 0.3 * np.sin(4 * np.pi * note * times) for note in hertz]
    wave = np.concatenate([shape * note for note in notes])
    return (wave * (_LOUDNESS * 32767 / 1.3)).astype("<i2").tobytes()
