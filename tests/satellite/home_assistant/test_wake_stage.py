from __future__ import annotations

import pytest

from satellite.home_assistant.cue import Cue
from satellite.home_assistant.wake_stage import WAKE_WORD_S, WakeStage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_errors_it_is_asked_for_later_and_later_until_it_hears_a_wake_word() -> None:
    clock = Clock()
    stage = WakeStage(Cue.THERE, clock)

    def waits_after_an_error() -> float:
        assert stage.is_due()
        assert stage.run().restart_on_end
        assert stage.hears and not stage.is_due()
        stage.failed()
        since = clock.now
        while not stage.is_due():
            clock.now += 0.1
        return clock.now - since

    waits = [waits_after_an_error() for _ in range(12)]
    assert waits[0] <= 1.0
    assert 10.0 < max(waits) <= 31.0
    stage.run()
    stage.detected()
    assert waits_after_an_error() <= 1.0


def test_an_error_of_something_else_delays_nothing() -> None:
    stage = WakeStage(Cue.THERE, Clock())
    stage.failed()
    assert stage.is_due()


def test_where_it_runs_on_speech_it_ends_some_time_after_it() -> None:
    clock = Clock()
    stage = WakeStage(Cue.THERE_ON_SPEECH, clock)
    assert not stage.is_due()
    assert not stage.run().restart_on_end
    assert not stage.is_in_vain(clock.now)
    clock.now += WAKE_WORD_S
    assert stage.is_in_vain(100.0)
    stage.end()
    assert not stage.is_in_vain(100.0)


@pytest.mark.parametrize("cue", [Cue.HERE, Cue.SPEECH, Cue.NOTHING])
def test_it_hears_nothing_where_home_assistant_is_not_to_listen_for_the_wake_word(cue: Cue) -> None:
    stage = WakeStage(cue, Clock())
    stage.ran()
    assert not stage.hears and not stage.is_due()
