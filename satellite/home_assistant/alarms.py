"""The timers that Home Assistant has set. They ring here when their time has come, whether or not it is still there.

Home Assistant says `timer-finished` as well. Whichever comes first lets a timer ring; it rings once. While it is gone,
it cannot tell that one was cancelled or changed: then a timer rings as it was last told.

When it comes back after a restart it has forgotten its timers, and says nothing of them. Whoever set one counts on it,
so it rings all the same. Only one that was paused is forgotten when it goes: nobody may be left to let it go on, and
where Home Assistant still can, it tells anew how long that one has.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from wyoming.event import Event

from satellite.happenings import Happening
from satellite.timers import ID_CHARACTERS, LONGEST_S, NAME_CHARACTERS, Timer, TimerError, Timers
from wyoming_servers.wire import BadValue, Fields

_KNOWN_IDS = 256
"""Of timers that have rung."""


class Alarms:
    """Pure logic on `timers`, which may hold some from before; who plays asks what is due."""

    def __init__(self, timers: Timers, happened: Callable[[Happening, str], None]) -> None:
        self._timers = timers
        self._happened = happened
        self._rung: deque[str] = deque(maxlen=_KNOWN_IDS)

    def take(self, event: Event) -> bool:
        """Take an event that is of timers; return False for any other. Raises `BadValue`, having changed nothing."""
        if not event.type.startswith("timer-"):
            return False
        fields = Fields(event.type, event.data)
        timer_id = fields.text("id")
        if not 0 < len(timer_id) <= ID_CHARACTERS:
            raise BadValue(f"'id' of '{event.type}' takes 1 to {ID_CHARACTERS} characters, not {len(timer_id)}")
        try:
            match event.type:
                case "timer-started":
                    self._start(timer_id, fields)
                case "timer-updated":
                    self._update(timer_id, fields)
                case "timer-cancelled":
                    self._cancel(timer_id)
                case "timer-finished":
                    self._finish(timer_id)
                case _:
                    return False
        except TimerError as error:
            raise BadValue(str(error)) from error
        return True

    @property
    def ringing(self) -> bool:
        """Whether a timer rings, or is to ring now."""
        return self._timers.due() is not None or any(timer.rang for timer in self._timers)

    def due(self) -> Timer | None:
        """Return the timer that is to ring now."""
        return self._timers.due()

    def rings(self, timer: Timer) -> None:
        """Take note that a timer rings now; it rings again after a pause, a few times."""
        if not timer.rang:
            self._rung.append(timer.id)
            self._happened(Happening.TIMER_FINISHED, timer.id)
        self._timers.rang(timer)

    def silence(self) -> bool:
        """Let nothing that is due, or rings, ring any more; return whether there was anything."""
        while (timer := self._timers.due()) is not None and not timer.rang:
            self.rings(timer)
        return self._timers.stop_ringing()

    def forget_paused(self) -> None:
        """Learn that Home Assistant has gone: forget those of which only it can say when they go on."""
        for timer in list(self._timers):
            if timer.paused is not None:
                self._timers.cancel(timer.id)

    def _start(self, timer_id: str, fields: Fields) -> None:
        seconds = fields.whole("total_seconds", most=int(LONGEST_S))
        name = (fields.optional_text("name") or "")[:NAME_CHARACTERS]
        self._timers.set(seconds, name, timer_id)
        self._happened(Happening.TIMER_STARTED, _json(id=timer_id, name=name, total_seconds=seconds))

    def _update(self, timer_id: str, fields: Fields) -> None:
        seconds = fields.whole("total_seconds", most=int(LONGEST_S))
        active = fields.flag("is_active", default=True)
        if not seconds:
            self._finish(timer_id)
            return
        if timer_id not in self._timers:  # it was set before we were started
            self._timers.set(seconds, timer_id=timer_id)
        self._timers.change(timer_id, seconds, paused=not active)
        self._happened(Happening.TIMER_UPDATED, _json(id=timer_id, is_active=active, total_seconds=seconds))

    def _cancel(self, timer_id: str) -> None:
        self._timers.cancel(timer_id)
        self._happened(Happening.TIMER_CANCELLED, timer_id)

    def _finish(self, timer_id: str) -> None:
        if timer_id in self._timers:
            self._timers.finish(timer_id)
        elif timer_id not in self._rung:  # it was set before we were started
            self._timers.set(1, timer_id=timer_id)
            self._timers.finish(timer_id)


def _json(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False)
