from __future__ import annotations

import json

import pytest
from wyoming.event import Event
from wyoming.timer import TimerCancelled, TimerFinished, TimerStarted, TimerUpdated

from satellite.happenings import Happening
from satellite.home_assistant.alarms import Alarms
from satellite.timers import MOST, PAUSE_S, RINGS, Timers
from wyoming_servers.wire import BadValue


class Home:
    def __init__(self) -> None:
        self.now = 0.0
        self.happened: list[tuple[Happening, str]] = []
        self.alarms = Alarms(Timers(lambda: self.now), lambda happening, text: self.happened.append((happening, text)))

    def rings(self) -> int:
        """Let everything ring that is to ring now, as who plays does; return how many times."""
        count = 0
        while (timer := self.alarms.due()) is not None:
            self.alarms.rings(timer)
            count += 1
        return count

    def rings_until(self, end: float) -> int:
        count = 0
        while self.now < end:
            self.now += 0.5
            count += self.rings()
        return count


def test_a_timer_rings_by_itself_when_its_time_has_come_a_few_times() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=60, name="eggs").event())
    assert home.rings_until(59.5) == 0
    assert home.rings_until(60 + RINGS * PAUSE_S) == RINGS
    assert [happening for happening, _ in home.happened] == [Happening.TIMER_STARTED, Happening.TIMER_FINISHED]
    assert json.loads(home.happened[0][1]) == {"id": "a", "name": "eggs", "total_seconds": 60}


def test_it_does_not_ring_again_when_home_assistant_says_that_it_is_over() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=10).event())
    home.now = 10
    assert home.rings() == 1
    home.alarms.take(TimerFinished(id="a").event())
    assert home.rings() == 0
    assert home.rings_until(60) == RINGS - 1
    home.alarms.take(TimerFinished(id="a").event())
    assert home.rings_until(120) == 0


def test_it_rings_at_once_when_home_assistant_is_earlier() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=10).event())
    home.now = 9.5
    home.alarms.take(TimerFinished(id="a").event())
    assert home.rings_until(60) == RINGS


def test_one_that_was_set_before_the_satellite_started_rings_too() -> None:
    home = Home()
    home.alarms.take(TimerFinished(id="old").event())
    assert home.rings() == 1
    home.alarms.take(TimerUpdated(id="older", is_active=True, total_seconds=30).event())
    home.alarms.silence()
    assert home.rings_until(29.5) == 0
    assert home.rings_until(31) == 1


def test_paused_it_does_not_ring_and_resumed_it_rings_later() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=10).event())
    home.now = 5
    home.alarms.take(TimerUpdated(id="a", is_active=False, total_seconds=5).event())
    assert home.rings_until(100) == 0
    home.alarms.take(TimerUpdated(id="a", is_active=True, total_seconds=5).event())
    assert home.rings_until(104.5) == 0
    assert home.rings_until(105) == 1


def test_one_that_is_paused_is_forgotten_when_home_assistant_goes_which_tells_anew_how_long_it_has() -> None:
    home = Home()
    for timer_id in "ab":
        home.alarms.take(TimerStarted(id=timer_id, total_seconds=10).event())
    home.alarms.take(TimerUpdated(id="a", is_active=False, total_seconds=5).event())
    home.alarms.forget_paused()
    assert home.rings_until(100) == RINGS, "the other one rings, whatever has become of Home Assistant"
    home.alarms.take(TimerUpdated(id="a", is_active=True, total_seconds=5).event())
    assert home.rings_until(104.5) == 0
    assert home.rings_until(105) == 1


def test_with_no_time_left_it_rings_now() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=10).event())
    home.alarms.take(TimerUpdated(id="a", is_active=True, total_seconds=0).event())
    assert home.rings() == 1


def test_cancelled_it_never_rings_nor_goes_on_ringing() -> None:
    home = Home()
    for timer_id in "ab":
        home.alarms.take(TimerStarted(id=timer_id, total_seconds=10).event())
    home.alarms.take(TimerCancelled(id="a").event())
    home.now = 10
    assert home.rings() == 1
    home.alarms.take(TimerCancelled(id="b").event())
    assert home.rings_until(60) == 0


def test_silenced_it_is_forgotten() -> None:
    home = Home()
    home.alarms.take(TimerStarted(id="a", total_seconds=10).event())
    assert not home.alarms.silence()
    home.now = 10
    assert home.alarms.silence()
    home.alarms.take(TimerFinished(id="a").event())
    assert home.rings_until(60) == 0
    assert home.happened[-1] == (Happening.TIMER_FINISHED, "a")


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        (Event("timer-started", {}), "'id' of 'timer-started' takes text, not nothing"),
        (Event("timer-started", {"id": "x" * 129, "total_seconds": 1}), "takes 1 to 128 characters, not 129"),
        (Event("timer-started", {"id": "a", "total_seconds": 10**12}), "whole number from 0 to"),
        (Event("timer-started", {"id": "a", "total_seconds": 0}), "a timer takes more than 0"),
        (Event("timer-updated", {"id": "a", "is_active": 1, "total_seconds": 1}), "takes true or false, not 1"),
        (Event("timer-finished", {"id": 5}), "takes text, not 5"),
    ],
)
def test_what_cannot_be_is_refused_and_named(event: Event, wrong: str) -> None:
    home = Home()
    with pytest.raises(BadValue, match=wrong):
        home.alarms.take(event)
    assert home.happened == []


def test_there_are_not_any_number_of_them() -> None:
    home = Home()
    for number in range(MOST):
        home.alarms.take(TimerStarted(id=str(number), total_seconds=10).event())
    with pytest.raises(BadValue, match=f"there are {MOST} timers already"):
        home.alarms.take(TimerStarted(id="one more", total_seconds=10).event())


def test_other_events_are_none_of_its_business() -> None:
    home = Home()
    assert not home.alarms.take(Event("transcript", {"text": "x"}))
    assert not home.alarms.take(Event("timer-of-another-kind", {"id": "x"}))
