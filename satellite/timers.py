"""The timers of a house. Pure logic: the clock is given, and who rings asks when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .ulid import new_ulid

RINGS = 5
"""How often a timer rings that nobody stops."""

PAUSE_S = 4.0
"""Between two rings; the house listens for a "stop"."""

MOST = 64
"""Timers at once; the handle server looks at no more."""

LONGEST_S = 366 * 24 * 3600.0

ID_CHARACTERS = 128
NAME_CHARACTERS = 64
"""At most."""


class TimerError(Exception):
    """A timer cannot be set; the message says why."""


@dataclass(slots=True)
class Timer:
    """A timer that runs, or rings."""

    id: str
    name: str
    """May be empty."""

    seconds: float
    """Its whole length."""

    rings_at: float
    """When it rings, or rings next; infinity while it is paused."""

    rang: int = 0
    """How often it did."""

    paused: float | None = None
    """Seconds that were left when it was paused."""

    by_wall: bool = False
    """Whether what is left of it was reckoned by the wall clock, which may be set right later."""


class Timers:
    """Timers by their ids; `clock` tells seconds and only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._timers: dict[str, Timer] = {}
        self._watchers: list[Callable[[], None]] = []

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` whenever a timer is set, changed, gone, or has rung; return what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def __iter__(self) -> Iterator[Timer]:
        return iter(self._timers.values())

    def __contains__(self, timer_id: str) -> bool:
        return timer_id in self._timers

    def set(self, seconds: float, name: str = "", timer_id: str | None = None) -> Timer:
        """Start a timer; raise `TimerError` for a length that cannot be, or where there are too many.

        One that has `timer_id` already is replaced.
        """
        _check(seconds)
        if len(self._timers) >= MOST and timer_id not in self._timers:
            raise TimerError(f"there are {MOST} timers already")
        timer = Timer(timer_id or new_ulid(), name, seconds, self._clock() + seconds)
        self._timers[timer.id] = timer
        self._tell()
        return timer

    def resume(self, timer: Timer) -> None:
        """Let a timer go on that was kept; raise `TimerError` for a length that cannot be."""
        _check(timer.seconds)
        self._timers[timer.id] = timer
        self._tell()

    def change(self, timer_id: str, seconds: float, *, paused: bool) -> None:
        """Let a timer have `seconds` left, running or paused; raise `TimerError` for a length that cannot be."""
        _check(seconds)
        timer = self._timers[timer_id]
        timer.rang = 0
        timer.by_wall = False
        timer.paused = seconds if paused else None
        timer.rings_at = math.inf if paused else self._clock() + seconds
        self._tell()

    def hasten(self, seconds: float) -> None:
        """Let those that were reckoned by the wall clock, and have not rung, ring so much earlier, or later below 0."""
        for timer in self._timers.values():
            if timer.by_wall and not timer.rang:
                timer.rings_at -= seconds
        self._tell()

    def left(self, timer_id: str) -> float:
        """Return the seconds that are left of a timer: 0 where it rings."""
        timer = self._timers[timer_id]
        return 0 if timer.rang else timer.paused or max(0.0, timer.rings_at - self._clock())

    def paused(self, timer_id: str) -> bool:
        """Return whether a timer stands still."""
        return self._timers[timer_id].paused is not None

    def finish(self, timer_id: str) -> None:
        """Let a timer ring now, where it does not already."""
        timer = self._timers[timer_id]
        if not timer.rang:
            timer.paused = None
            timer.rings_at = min(timer.rings_at, self._clock())
            self._tell()

    def cancel(self, timer_id: str) -> bool:
        """Forget a timer, ringing or not; return False where there is none of this id."""
        if self._timers.pop(timer_id, None) is None:
            return False
        self._tell()
        return True

    @property
    def next_at(self) -> float | None:
        """When the next one rings; None while none runs."""
        return min((timer.rings_at for timer in self._timers.values() if timer.paused is None), default=None)

    def due(self) -> Timer | None:
        """Return the timer that is to ring now, the one that waits longest."""
        first = min(self._timers.values(), key=lambda timer: timer.rings_at, default=None)
        return first if first is not None and first.rings_at <= self._clock() else None

    def rang(self, timer: Timer) -> None:
        """Take note that a timer has just rung; it rings again after a pause, a few times."""
        timer.rang += 1
        timer.rings_at = self._clock() + PAUSE_S
        if timer.rang >= RINGS:
            self.cancel(timer.id)
        else:
            self._tell()

    @property
    def ringing(self) -> bool:
        """Whether one rings, or is between two rings."""
        return any(timer.rang for timer in self._timers.values())

    def stop_ringing(self) -> bool:
        """Forget the timers that are due or ring already; return whether there were any."""
        now = self._clock()
        ringing = [timer.id for timer in self._timers.values() if timer.rang or timer.rings_at <= now]
        for timer_id in ringing:
            self.cancel(timer_id)
        return bool(ringing)

    def listed(self) -> list[dict[str, Any]]:
        """Return what the handle server is told of the timers."""
        return [
            {
                "id": timer.id,
                "name": timer.name,
                "seconds": round(timer.seconds),
                "seconds_left": round(self.left(timer.id)),
            }
            for timer in self._timers.values()
        ]

    def _tell(self) -> None:
        for watcher in list(self._watchers):
            watcher()


def _check(seconds: float) -> None:
    if not 0 < seconds <= LONGEST_S:  # false for NaN too
        raise TimerError(f"a timer takes more than 0 and at most {LONGEST_S:.0f} seconds, not {seconds}")
