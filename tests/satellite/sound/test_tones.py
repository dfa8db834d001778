from __future__ import annotations

import numpy as np
import pytest

from satellite.sound.loudness import audible_edges
from satellite.sound.tones import RATE, chime, sorry


@pytest.mark.parametrize("tone", [chime(), sorry()])
def test_tones_are_heard_and_do_not_clip(tone: bytes) -> None:
    edges = audible_edges(tone, RATE)
    assert edges is not None
    assert edges[0] < 0.02
    assert 0.5 < edges[1] < 1
    samples = np.frombuffer(tone, "<i2")
    assert 5000 < np.abs(samples.astype(int)).max() < 20_000
    assert abs(int(samples[0])) < 500
    assert abs(int(samples[-1])) < 500
