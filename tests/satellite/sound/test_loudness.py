from __future__ import annotations

import pytest

from satellite.sound.loudness import Loudness, audible_edges
from tests.satellite.sounds import silence, tone


def test_edges_of_a_tone_between_silences() -> None:
    assert audible_edges(silence(0.5) + tone(0.3) + silence(1), 16_000) == pytest.approx((0.5, 0.8))


def test_what_is_40_db_quieter_is_not_heard() -> None:
    loud, quiet = tone(0.2), tone(0.2, level=0.5 * 10 ** (-43 / 20))
    assert audible_edges(quiet + loud + quiet, 16_000) == pytest.approx((0.2, 0.4))
    heard = tone(0.2, level=0.5 * 10 ** (-37 / 20))
    assert audible_edges(heard + loud + heard, 16_000) == pytest.approx((0, 0.6))


def test_nothing_to_hear() -> None:
    assert audible_edges(silence(1), 16_000) is None
    assert audible_edges(b"", 16_000) is None
    assert audible_edges(tone(0.005), 16_000) is None  # less than a frame


def test_pieces_of_any_size_make_the_same_edges() -> None:
    pcm = silence(0.123) + tone(0.3) + silence(0.2)
    loudness = Loudness(16_000)
    for begin in range(0, len(pcm), 346):
        loudness.add(pcm[begin : begin + 346])
    edges = loudness.edges()
    assert edges is not None
    assert (edges[0] / 16_000, edges[1] / 16_000) == audible_edges(pcm, 16_000)
