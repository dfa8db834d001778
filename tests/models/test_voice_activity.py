from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import BadInput
from models.silero import open_silero
from models.voice_activity import MIN_SILENCE_MS, VoiceSegmenter, VoiceStarted, VoiceStopped
from tests.models.speech import speech

WINDOW_MS = 32


def segment(probabilities: list[float], **options: Any) -> list[VoiceStarted | VoiceStopped]:
    segmenter = VoiceSegmenter(**options)
    return segmenter.feed(probabilities) + segmenter.finish()


def test_edges_are_where_speech_was_not_where_it_was_known() -> None:
    probabilities = [0.0] * 10 + [0.9] * 20 + [0.0] * 40
    segmenter = VoiceSegmenter(min_speech_ms=96, min_silence_ms=320)
    assert segmenter.feed(probabilities[:12]) == []
    assert segmenter.feed(probabilities[12:13]) == [VoiceStarted(10 * WINDOW_MS)]
    assert segmenter.speaking
    assert segmenter.feed(probabilities[13:39]) == []
    assert segmenter.feed(probabilities[39:40]) == [VoiceStopped(30 * WINDOW_MS)]
    assert not segmenter.speaking
    assert segmenter.feed(probabilities[40:]) == segmenter.finish() == []


def test_a_lower_threshold_ends_speech_than_starts_it() -> None:
    assert segment([0.45] * 50) == []
    assert segment([0.9] + [0.45] * 49 + [0.0] * 50) == [VoiceStarted(0), VoiceStopped(50 * WINDOW_MS)]
    assert segment([0.9] * 10 + [0.34] * 50) == [VoiceStarted(0), VoiceStopped(10 * WINDOW_MS)]
    assert segment([0.1] * 10, threshold=0.08) == [VoiceStarted(0), VoiceStopped(320)]


def test_short_noises_are_no_speech() -> None:
    assert segment(([0.9] * 5 + [0.0] * 20) * 10) == []
    assert segment([0.9] + [0.0] * 30, min_speech_ms=0) == [VoiceStarted(0), VoiceStopped(WINDOW_MS)]


def test_a_short_gap_does_not_keep_a_word_from_starting() -> None:
    assert segment([0.9] * 4 + [0.0] * 2 + [0.9] * 4 + [0.0] * 40) == [VoiceStarted(0), VoiceStopped(10 * WINDOW_MS)]


def test_pauses_shorter_than_the_least_silence_join() -> None:
    pause = MIN_SILENCE_MS // WINDOW_MS
    assert len(segment([0.9] * 10 + [0.0] * pause + [0.9] * 10 + [0.0] * 40)) == 2
    assert len(segment([0.9] * 10 + [0.0] * (pause + 1) + [0.9] * 10 + [0.0] * 40)) == 4


def test_speech_that_goes_on_when_the_audio_ends_is_stopped() -> None:
    assert segment([0.9] * 10) == [VoiceStarted(0), VoiceStopped(320)]
    assert segment([0.9] * 2) == []


def test_an_hour_of_silence_leaves_nothing_behind() -> None:
    segmenter = VoiceSegmenter()
    state = {name: type(value) for name, value in vars(segmenter).items()}
    for _ in range(60):
        assert segmenter.feed([0.01] * (60_000 // WINDOW_MS)) == []
    assert {name: type(value) for name, value in vars(segmenter).items()} == state
    assert segmenter.feed([0.9] * 10) == [VoiceStarted(60 * 60_000)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"threshold": 1.1}, "at most 1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"min_speech_ms": -1}, "min_speech_ms is -1"),
        ({"min_silence_ms": -1}, "neither may be negative"),
    ],
)
def test_figures_that_cannot_be_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        VoiceSegmenter(**options)


@given(
    st.lists(st.floats(0, 1), max_size=200),
    st.integers(1, 20),
    st.floats(0.01, 1),
    st.integers(0, 500),
    st.integers(0, 500),
)
def test_whatever_is_heard(
    probabilities: list[float], cut: int, threshold: float, min_speech_ms: int, min_silence_ms: int
) -> None:
    options: dict[str, Any] = {"threshold": threshold, "min_speech_ms": min_speech_ms, "min_silence_ms": min_silence_ms}
    edges = segment(probabilities, **options)
    kinds = [type(edge) for edge in edges]
    assert kinds == [VoiceStarted, VoiceStopped] * (len(edges) // 2)
    times = [edge.ms for edge in edges]
    assert times == sorted(times)
    assert all(0 <= ms <= len(probabilities) * WINDOW_MS for ms in times)
    for start, stop in zip(times[::2], times[1::2], strict=True):
        assert stop - start >= min_speech_ms
        assert probabilities[start // WINDOW_MS] >= threshold
    segmenter = VoiceSegmenter(**options)
    pieces = [segmenter.feed(probabilities[at : at + cut]) for at in range(0, len(probabilities), cut)]
    assert [edge for piece in pieces for edge in piece] + segmenter.finish() == edges


@pytest.mark.parametrize("text", ["Stop.", "Yes.", "No.", "Help.", "Turn on the lights, and tell me the time."])
def test_with_the_engine_each_text_is_one_segment(text: str) -> None:
    pcm = speech(text, before_ms=500, after_ms=1500)
    edges = segment(open_silero().open().feed(pcm))
    assert len(edges) == 2
    assert 480 <= edges[0].ms <= 700
    assert 0 <= len(pcm) // 32 - 1500 - edges[1].ms <= 450  # espeak-ng's own pause is 300 ms of it
