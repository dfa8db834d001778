"""What the handle server asks of the satellite, carried out: timers and volume, and stopping what rings.

What cannot be carried out is logged and passed over: words were said, and the answer to them shall be heard.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

from wyoming_servers.wire import BadValue, Fields

from .controls import Controls
from .timers import LONGEST_S, NAME_CHARACTERS, TimerError, Timers

_LOGGER = logging.getLogger(__name__)

NAMES = ("timer-set", "timer-cancel", "timer-pause", "timer-resume", "timer-add", "volume-set", "stop")
"""What can be asked; a handle server is told."""

_KNOWN_IDS = 256
"""Who sees an id twice does it once; so many are remembered."""


class Actions:
    """Carries out actions on one satellite's timers and controls."""

    def __init__(self, timers: Timers, controls: Controls) -> None:
        self._timers = timers
        self._controls = controls
        self._done: deque[str] = deque(maxlen=_KNOWN_IDS)

    def carry_out(self, actions: Iterable[Any]) -> list[dict[str, Any]]:
        """Carry out `actions` in their order and return those that were, as they came."""
        return [action for action in actions if self._carry_out(action)]

    def _carry_out(self, action: Any) -> bool:
        try:
            fields = Fields("action", action)
            name, action_id = fields.text("name"), fields.optional_text("id")
            if action_id is not None and action_id in self._done:
                return False
            known = self._do(name, Fields(name, fields.optional_object("data") or {}))
        except (BadValue, TimerError) as error:
            _LOGGER.warning("an action cannot be carried out: %s", error)
            return False
        if not known:
            _LOGGER.warning("action '%.40s' is none that a satellite carries out", name)
        elif action_id is not None:
            self._done.append(action_id)
        return known

    def _do(self, name: str, data: Fields) -> bool:
        """Return False for what nobody here knows how to do."""
        match name:
            case "timer-set":
                seconds = data.number("seconds", least=0, most=LONGEST_S)
                self._timers.set(seconds, data.text("name", default="")[:NAME_CHARACTERS])
            case "timer-cancel":
                if not self._timers.cancel(data.text("id")):
                    _LOGGER.info("there is no such timer to cancel any more")
            case "timer-pause" | "timer-resume" | "timer-add":
                self._change(name, data)
            case "volume-set":
                self._controls.volume = round(data.number("percent", least=0, most=100))
            case "stop":
                self._timers.stop_ringing()
            case _:
                return False
        return True

    def _change(self, name: str, data: Fields) -> None:
        """Let a timer stand still or go on, or have more time, or less; where none is left, it rings."""
        timer_id = data.text("id")
        more = data.number("seconds", least=-LONGEST_S, most=LONGEST_S) if name == "timer-add" else 0
        if timer_id not in self._timers:
            _LOGGER.info("there is no such timer to change any more")
            return
        left = self._timers.left(timer_id) + more
        if left > 0:
            stands = self._timers.paused(timer_id) if name == "timer-add" else name == "timer-pause"
            self._timers.change(timer_id, left, paused=stands)
        elif name == "timer-add":
            self._timers.finish(timer_id)
