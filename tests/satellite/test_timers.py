from __future__ import annotations

import pytest

from satellite.timers import MOST, PAUSE_S, RINGS, TimerError, Timers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_to_ring_is_due_when_its_time_has_come(clock: Clock) -> None:
    timers = Timers(clock)
    assert timers.next_at is None
    assert timers.due() is None
    late, early = timers.set(60), timers.set(30, "egg")
    assert timers.next_at == 130
    clock.now = 129.9
    assert timers.due() is None
    clock.now = 130
    assert timers.due() is early
    clock.now = 161
    timers.cancel(early.id)
    assert timers.due() is late


def test_a_timer_rings_a_few_times_with_pauses(clock: Clock) -> None:
    timers = Timers(clock)
    timer = timers.set(10)
    for _ in range(RINGS):
        clock.now = timers.next_at or 0
        assert timers.due() is timer
        clock.now += 2  # the ringing takes its time
        timers.rang(timer)
        assert timers.due() is None
    assert timers.next_at is None
    assert clock.now == 110 + RINGS * 2 + (RINGS - 1) * PAUSE_S


def test_stop_ends_what_rings_and_nothing_else(clock: Clock) -> None:
    timers = Timers(clock)
    rings, waits, runs = timers.set(10), timers.set(11), timers.set(60)
    assert not timers.stop_ringing()
    clock.now = 112
    timers.rang(rings)
    assert [timer["id"] for timer in timers.listed()] == [rings.id, waits.id, runs.id]
    assert timers.stop_ringing()
    assert [timer["id"] for timer in timers.listed()] == [runs.id]


def test_what_the_handle_server_is_told(clock: Clock) -> None:
    timers = Timers(clock)
    timer = timers.set(300, "pizza")
    clock.now += 18.4
    assert timers.listed() == [{"id": timer.id, "name": "pizza", "seconds": 300, "seconds_left": 282}]
    clock.now += 300
    assert timers.listed()[0]["seconds_left"] == 0
    timers.rang(timer)
    assert timers.listed()[0]["seconds_left"] == 0


def test_lengths_and_numbers_are_bounded(clock: Clock) -> None:
    timers = Timers(clock)
    for seconds in (0, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(TimerError, match="a timer takes"):
            timers.set(seconds)
    for _ in range(MOST):
        timers.set(1)
    with pytest.raises(TimerError, match="already"):
        timers.set(1)
    assert not timers.cancel("unknown")
