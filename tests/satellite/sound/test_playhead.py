from __future__ import annotations

import pytest

from satellite.sound.playhead import Playhead


def test_sound_written_ahead_is_heard_at_live_speed() -> None:
    playhead = Playhead(1000)
    playhead.wrote(1000, 5.0)
    playhead.wrote(2000, 5.1)
    assert playhead.at(0) == 5.0
    assert playhead.at(1500) == pytest.approx(6.5)
    assert playhead.end == pytest.approx(8.0)


def test_sound_that_comes_late_leaves_a_gap() -> None:
    playhead = Playhead(1000)
    playhead.wrote(1000, 0.0)
    playhead.wrote(500, 3.0)
    assert playhead.at(999) == pytest.approx(0.999)
    assert playhead.at(1000) == 3.0
    assert playhead.end == pytest.approx(3.5)


def test_before_anything_was_written() -> None:
    playhead = Playhead(1000)
    playhead.wrote(0, 9.0)
    assert playhead.end == float("-inf")
    playhead.wrote(10, 20.0)
    assert playhead.at(0) == 20.0
