import importlib.util

import numpy as np
import numpy.typing as npt
import pytest

from models.whisper.window import FULL, MARGIN, features, frames_for

RATE = 16_000


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 300), (1.0, 400), (6.0, 900), (27.0, 3000), (60.0, FULL)])
def test_the_window_is_what_was_spoken_and_a_margin(seconds: float, frames: int) -> None:
    assert frames_for(seconds) == frames
    assert frames == FULL or frames >= seconds * 100 + MARGIN


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is None, reason="needs script/setup --neural")
@pytest.mark.parametrize("frames", [300, FULL])
@pytest.mark.parametrize("level", [0.0, 1e-4, 0.5])
def test_silence_behind_is_as_the_extractor_would_make_it(frames: int, level: float) -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    extract = FeatureExtractor()
    random = np.random.default_rng(0)
    samples: npt.NDArray[np.float32] = (random.normal(size=round(1.37 * RATE)) * level).astype(np.float32)
    whole = extract(np.pad(samples, (0, frames * 160 - samples.size)), padding=0)
    np.testing.assert_allclose(features(samples, frames, extract), whole, atol=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is None, reason="needs script/setup --neural")
def test_longer_sound_is_cut() -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = np.ones(10 * RATE, np.float32)
    assert features(samples, 300, FeatureExtractor(feature_size=128)).shape == (128, 300)
