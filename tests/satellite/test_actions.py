from __future__ import annotations

from typing import Any

import pytest

from satellite.actions import Actions
from satellite.controls import Controls
from satellite.timers import Timers


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers(clock: Clock) -> Timers:
    return Timers(clock)


@pytest.fixture
def controls() -> Controls:
    return Controls()


def action(what: str, action_id: str | None = None, /, **data: Any) -> dict[str, Any]:
    return {"id": action_id, "name": what, "data": data}


def test_timers_are_set_and_cancelled(timers: Timers, controls: Controls) -> None:
    actions = Actions(timers, controls)
    asked = [action("timer-set", "1", seconds=300, name="pizza"), action("timer-set", "2", seconds=60)]
    assert actions.carry_out(asked) == asked
    pizza, other = timers.listed()
    assert (pizza["name"], pizza["seconds"], other["name"]) == ("pizza", 300, "")
    actions.carry_out([action("timer-cancel", "3", id=pizza["id"]), action("timer-cancel", "4", id="unknown")])
    assert timers.listed() == [other]


def test_timers_stand_still_and_go_on(timers: Timers, controls: Controls, clock: Clock) -> None:
    actions, timer = Actions(timers, controls), timers.set(60)
    clock.now = 20
    actions.carry_out([action("timer-pause", "1", id=timer.id)])
    clock.now = 100
    assert (timers.due(), timers.listed()[0]["seconds_left"]) == (None, 40)
    actions.carry_out([action("timer-add", "2", id=timer.id, seconds=5)])
    assert (timers.next_at, timers.listed()[0]["seconds_left"]) == (None, 45)
    actions.carry_out([action("timer-resume", "3", id=timer.id)])
    assert timers.next_at == 145


def test_timers_get_more_time_and_less(timers: Timers, controls: Controls, clock: Clock) -> None:
    actions, timer = Actions(timers, controls), timers.set(60)
    actions.carry_out([action("timer-add", "1", id=timer.id, seconds=300)])
    assert timers.next_at == 360
    actions.carry_out([action("timer-add", "2", id=timer.id, seconds=-350)])
    assert timers.next_at == 10
    actions.carry_out([action("timer-add", "3", id=timer.id, seconds=-60)])
    assert timers.due() is timer
    timers.rang(timer)
    actions.carry_out([action("timer-add", "4", id=timer.id, seconds=60)])
    assert (timers.ringing, timers.next_at) == (False, 60), "who wants more time does not want it to ring"


def test_a_timer_that_is_gone_is_not_changed(timers: Timers, controls: Controls) -> None:
    gone = [action(f"timer-{what}", id="gone", seconds=5) for what in ("pause", "resume", "add")]
    assert Actions(timers, controls).carry_out(gone) == gone
    assert timers.listed() == []


def test_volume(timers: Timers, controls: Controls) -> None:
    actions = Actions(timers, controls)
    actions.carry_out([action("volume-set", percent=40)])
    assert controls.volume == 40


def test_stop_ends_what_rings(timers: Timers, controls: Controls, clock: Clock) -> None:
    timers.set(10)
    timers.set(60)
    clock.now = 11
    Actions(timers, controls).carry_out([action("stop")])
    assert [timer["seconds"] for timer in timers.listed()] == [60]


def test_an_id_seen_twice_is_done_once(timers: Timers, controls: Controls) -> None:
    actions = Actions(timers, controls)
    assert len(actions.carry_out([action("timer-set", "1", seconds=5)] * 2)) == 1
    assert actions.carry_out([action("timer-set", "1", seconds=5)]) == []
    assert len(timers.listed()) == 1
    assert len(actions.carry_out([action("timer-set", None, seconds=5)] * 2)) == 2  # these have none


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        5,
        "timer-set",
        [],
        {},
        {"name": 5},
        action("open-the-door"),
        action("timer-set"),
        action("timer-set", seconds="ten"),
        action("timer-set", seconds=0),
        action("timer-set", seconds=-1),
        action("timer-set", seconds=1e12),
        action("timer-set", seconds=float("nan")),
        action("timer-set", seconds=5, name=["pizza"]),
        action("timer-cancel"),
        action("timer-cancel", id={}),
        action("volume-set", percent=101),
        action("volume-set", percent=True),
        {"name": "volume-set", "data": [50]},
        {"name": "stop", "id": 5},
    ],
)
def test_what_makes_no_sense_is_passed_over_and_said(
    timers: Timers, controls: Controls, caplog: pytest.LogCaptureFixture, wrong: object
) -> None:
    right = action("volume-set", percent=50)
    assert Actions(timers, controls).carry_out([wrong, right]) == [right]
    assert controls.volume == 50
    assert timers.listed() == []
    assert len(caplog.records) == 1
    assert len(caplog.text) < 400
