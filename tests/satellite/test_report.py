from __future__ import annotations

import pytest

from satellite.report import Observer, Observers, State, TurnReport
from satellite.timers import Timer


class Watcher(Observer):
    def __init__(self) -> None:
        self.told: list[object] = []

    def became(self, state: State) -> None:
        self.told.append(state)

    def turn_began(self, report: TurnReport) -> None:
        self.told.append("began")

    def heard(self, report: TurnReport) -> None:
        self.told.append("heard")

    def decided(self, report: TurnReport) -> None:
        self.told.append("decided")

    def turn_ended(self, report: TurnReport) -> None:
        self.told.append("ended")

    def rang(self, timer: Timer) -> None:
        self.told.append(timer.name)


class Broken(Observer):
    def became(self, state: State) -> None:
        raise RuntimeError("out of order")


def tell_all(observer: Observer) -> None:
    report = TurnReport()
    observer.became(State.LISTENING)
    observer.became(State.LISTENING)
    observer.turn_began(report)
    observer.heard(report)
    observer.decided(report)
    observer.turn_ended(report)
    observer.became(State.IDLE)
    observer.rang(Timer("1", "egg", 60, 0))


def test_all_are_told_all_and_a_state_once(caplog: pytest.LogCaptureFixture) -> None:
    one, other = Watcher(), Watcher()
    observers = Observers(one, Broken(), other)
    tell_all(observers)
    assert one.told == [State.LISTENING, "began", "heard", "decided", "ended", State.IDLE, "egg"] == other.told
    assert observers.state is State.IDLE
    assert "Broken failed" in caplog.text


def test_one_who_does_not_care() -> None:
    tell_all(Observer())
