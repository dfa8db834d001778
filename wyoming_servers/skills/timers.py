"""Timers. The satellite keeps them and makes them ring; it tells which there are, and is told what to set or cancel.

Where the satellite is Home Assistant's, Home Assistant keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wyoming_servers.skills import english, home
from wyoming_servers.skills.request import Action, Answer, Request
from wyoming_servers.skills.situation import Timer

_SECONDS = {"hours": 3600, "minutes": 60, "seconds": 1}


def start(request: Request) -> Answer:
    """Answer "set a ten minute pizza timer"."""
    if request.situation.timers is None and not request.situation.is_home_assistant:
        return Answer(english.NO_TIMERS_THERE)
    name, seconds = _name(request), _length(request, "")
    if seconds <= 0:
        return Answer(english.HOW_LONG)
    text = english.timer_set(name, seconds)
    if request.situation.is_home_assistant:
        return Answer(text, wanted=request.intent)
    return Answer(text, (Action("timer-set", {"name": name, "seconds": seconds}),))


def status(request: Request) -> Answer:
    """Answer "how much time is left", for one timer or for all."""
    if request.situation.is_home_assistant:
        return home.want(request)
    timers = _matching(request)
    if not timers:
        return _none(request)
    return Answer(english.timers_left(sorted(timers, key=lambda timer: timer.seconds_left)))


def cancel(request: Request) -> Answer:
    """Answer "cancel the pizza timer"; where several are meant, ask which."""
    if request.situation.is_home_assistant:
        return home.want(request)
    timers = _matching(request)
    if not timers:
        return _none(request)
    if len(timers) > 1:
        return Answer(english.which_timer(timers))
    return Answer(english.timer_cancelled(timers[0]), _cancel(timers))


def cancel_all(request: Request) -> Answer:
    """Answer "cancel all timers"."""
    if request.situation.is_home_assistant:
        return home.want(request)
    timers = request.situation.timers
    if not timers:
        return _none(request)
    return Answer(english.timers_cancelled(len(timers)), _cancel(timers))


def pause(request: Request) -> Answer:
    """Answer "pause the timer"."""
    return _change(request, "timer-pause", english.timer_paused)


def resume(request: Request) -> Answer:
    """Answer "resume the timer"."""
    return _change(request, "timer-resume", english.timer_resumed)


def increase(request: Request) -> Answer:
    """Answer "add five minutes to the pizza timer"."""
    return _change(request, "timer-add", english.timer_longer, seconds=_length(request, ""))


def decrease(request: Request) -> Answer:
    """Answer "take one minute off the timer"."""
    return _change(request, "timer-add", english.timer_shorter, seconds=-_length(request, ""))


def _change(request: Request, action: str, tell: Callable[..., str], **data: int) -> Answer:
    """Do something with the one timer that is meant."""
    if request.situation.is_home_assistant:
        if not data:
            return home.want(request)
        meant = Timer("", _name(request), _length(request, "start_"), 0)
        return Answer(tell(meant, *data.values()), wanted=request.intent)  # its own response has "1 minutes"
    timers = _matching(request)
    if not timers:
        return _none(request)
    if len(timers) > 1:
        return Answer(english.which_timer(timers))
    if action not in (request.situation.actions or ()):
        return Answer(english.TIMERS_STAY)
    return Answer(tell(timers[0], *data.values()), (Action(action, {"id": timers[0].id, **data}),))


def _cancel(timers: Sequence[Timer]) -> tuple[Action, ...]:
    return tuple(Action("timer-cancel", {"id": timer.id}) for timer in timers)


def _matching(request: Request) -> list[Timer]:
    """Return the timers that are meant: by name, by whole length, or all."""
    name, seconds = _name(request).casefold(), _length(request, "start_")
    return [
        timer
        for timer in request.situation.timers or ()
        if (not name or timer.name.casefold() == name) and (not seconds or timer.seconds == seconds)
    ]


def _none(request: Request) -> Answer:
    if request.situation.timers is None:
        return Answer(english.NO_TIMERS_THERE)
    if not request.situation.timers:
        return Answer(english.NO_TIMER)
    return Answer(english.no_such_timer(_name(request), _length(request, "start_")))


def _name(request: Request) -> str:
    return str(request.intent.slots.get("name", ""))


def _length(request: Request, prefix: str) -> int:
    """Return the seconds that the slots `hours`, `minutes` and `seconds` (after `prefix`) add up to."""
    counts = {unit: request.intent.slots.get(prefix + unit, 0) for unit in _SECONDS}
    return sum(int(count) * _SECONDS[unit] for unit, count in counts.items() if isinstance(count, (int, float)))


SKILLS = {
    "HassStartTimer": start,
    "HassTimerStatus": status,
    "HassCancelTimer": cancel,
    "HassCancelAllTimers": cancel_all,
    "HassPauseTimer": pause,
    "HassUnpauseTimer": resume,
    "HassIncreaseTimer": increase,
    "HassDecreaseTimer": decrease,
}
