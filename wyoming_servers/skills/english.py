"""Every sentence that the skills say, in English; another language would be another such file.

What Home Assistant has done is told in its own words instead (`Intent.response`), which tell of states that it knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from models.engine import Intent
from models.sentences.house import House
from wyoming_servers.skills import words
from wyoming_servers.skills.request import Trouble
from wyoming_servers.skills.situation import Timer

NOT_HEARD = "Sorry, I did not catch that."
NOT_UNDERSTOOD = "Sorry, I did not understand that. Say help to hear what you can ask."
OTHER_LANGUAGE = "Sorry, I only understand English."

NO_CAMERA = "I cannot see: no camera is connected, or it shows me nothing."
NOBODY_SEEN = "I see nobody."
NOTHING_SEEN = "I see nothing that I know."

NO_TIMERS_THERE = "I understood, but what you speak to keeps no timers."
NO_TIMER = "No timer is set."
TIMERS_STAY = "I understood, but what you speak to cannot change a timer, only set and cancel it."
HOW_LONG = "For how long? Say, for example: set a timer for five minutes."

NO_VOLUME_THERE = "I understood, but I cannot set the volume of what you speak to."
VOLUME_UNKNOWN = "I do not know how loud I am: what you speak to does not say."

BY_ZERO = "Nothing can be divided by zero."
NOT_CALCULABLE = "I cannot calculate that."

_MOST_ASKED = 4
"""Rooms that are told when it is asked which is meant."""

IN_WHICH_AREA = "In which room?"
DONE = "Done."
ASKED = "I have asked Home Assistant to do that."

_PAST = {
    "turn on": "Turned on",
    "turn off": "Turned off",
    "turn up": "Turned up",
    "turn down": "Turned down",
    "open": "Opened",
    "close": "Closed",
    "set": "Set",
    "make": "Made",
}
"""By what `wish` begins with."""

OKAY = "Okay."
NOTHING_SAID = "I have not said anything yet."
GOODBYE = "Goodbye."
WELCOME = "You are welcome."
HELP = (
    "I am the voice of this house. You can ask me for the time and the date, set a timer for five minutes, "
    "ask what seven times eight is, or what I see. You can make me louder, or tell me to stop or to repeat."
)


def time(now: datetime, clock: int) -> str:
    """Tell the time of day, on a 12 or 24 hour clock."""
    return f"It is {words.time_of_day(now, clock)}."


def date(now: datetime) -> str:
    """Tell the date."""
    return f"It is {words.day_of_year(now)}."


def day(now: datetime) -> str:
    """Tell the day of the week, and the date."""
    return f"It is {words.day_of_week(now)}, {words.day_of_year(now)}."


def greeting(now: datetime) -> str:
    """Greet by the time of day."""
    return f"Good {words.part_of_day(now)}."


def result(left: Fraction, operation: str, right: Fraction, value: Fraction) -> str:
    """Tell what a calculation comes to."""
    return f"{left} {operation} {right} is {words.number(value)}."


def seen(counts: Mapping[str, Counter[str]]) -> str:
    """Tell how many of what each camera sees."""
    things = {
        camera: words.listed([words.counted(count, name) for name, count in found.most_common()])
        for camera, found in counts.items()
    }
    if len(things) == 1:
        return f"I see {next(iter(things.values()))}."
    return " ".join(f"On camera {camera} I see {found}." for camera, found in things.items())


def volume(percent: int) -> str:
    """Tell how loud it is, or now will be."""
    return f"The volume is {percent} percent."


def which_area(area: str) -> str:
    """Answer "and in the kitchen" when nothing went before."""
    return f"What about the {area}? Please say the whole sentence."


def timer_set(name: str, seconds: int) -> str:
    """Confirm a timer; `name` may be empty."""
    return words.capitalized(f"{f'{name} timer' if name else 'timer'} set for {words.duration(seconds)}.")


def timers_left(timers: Sequence[Timer]) -> str:
    """Tell how much time is left on each of `timers`."""
    left = [f"{words.duration(timer.seconds_left)} left on {_timer(timer)}" for timer in timers]
    return f"There {'is' if left[0].startswith('1 ') else 'are'} {words.listed(left)}."


def timer_cancelled(timer: Timer) -> str:
    """Confirm that one timer is cancelled."""
    return words.capitalized(f"{_timer(timer)} is cancelled.")


def timers_cancelled(count: int) -> str:
    """Confirm that `count` timers are cancelled."""
    return words.capitalized(f"{words.counted(count, 'timer')} cancelled.")


def which_timer(timers: Sequence[Timer]) -> str:
    """Ask which of `timers` is meant."""
    named = words.listed([_timer(timer) for timer in timers])
    return f"There are {words.counted(len(timers), 'timer')}: {named}. Say which one, or cancel all timers."


def timer_paused(timer: Timer) -> str:
    """Confirm that a timer stands still."""
    return words.capitalized(f"{_timer(timer)} is paused.")


def timer_resumed(timer: Timer) -> str:
    """Confirm that a timer goes on."""
    return words.capitalized(f"{_timer(timer)} goes on.")


def timer_longer(timer: Timer, seconds: int) -> str:
    """Confirm that a timer has so much more time."""
    return f"{words.capitalized(words.duration(seconds))} added to {_timer(timer)}."


def timer_shorter(timer: Timer, seconds: int) -> str:
    """Confirm that a timer has so much (below 0) less time."""
    return f"{words.capitalized(words.duration(-seconds))} taken off {_timer(timer)}."


def no_such_timer(name: str, seconds: int) -> str:
    """Say that no timer has this name, or length."""
    return f"There is no {name or words.length(seconds)} timer."


def _timer(timer: Timer) -> str:
    return " ".join(["the", *(timer.name or words.length(timer.seconds)).split(), "timer"])


def which_thing(name: str, areas: Sequence[str]) -> str:
    """Ask which of several things of that name is meant, by the `areas` that they are in."""
    if not 1 < len(areas) <= _MOST_ASKED:
        return f"Which {name}? In which room?"
    return f"Which {name}: in the {words.listed(areas, 'or')}?"


def alike(names: Sequence[str], area: str | None) -> str:
    """Say that things in one area, or in none, whose `names` are one to the ear, cannot be told apart."""
    where = f" in the {area}" if area else ""
    if len(names) == 1:
        return f"There are several things called {names[0]}{where}. Please give them names of their own."
    those = words.capitalized(words.listed([f"the {name}" for name in names]))
    return f"{those}{where} sound alike to me. Please give one another name."


def not_connected(intent: Intent, kind: str, house: House) -> str:
    """Say what was understood, and that no thing of this kind (Home Assistant's domain) is connected to do it."""
    return f"I understood: {wish(intent, kind, house)}. But no {_noun(kind)} is connected to me yet."


def done(wish: str) -> str:
    """Tell that a wish has been carried out: "Turned on the lights in the office."."""
    for verb, past in _PAST.items():
        if wish.startswith(f"{verb} "):
            return f"{past}{wish.removeprefix(verb)}."
    return DONE


def partly_done(wish: str, failed: Sequence[str]) -> str:
    """Tell that a wish has been carried out, but not with the things called `failed`."""
    return f"{done(wish).rstrip('.')}, but not {words.listed(failed)}."


def not_done(wish: str, trouble: Trouble) -> str:
    """Tell why a wish has not been carried out."""
    wish = wish if wish.startswith(tuple(_PAST)) else "do that"
    match trouble:
        case Trouble.AWAY:
            return f"I understood: {wish}. But I cannot reach Home Assistant."
        case Trouble.REFUSED:
            return f"I understood: {wish}. But Home Assistant does not let me in."
        case Trouble.NO_ANSWER:
            return f"I asked Home Assistant to {wish}, but it has not answered."
        case _:
            return f"Sorry, Home Assistant could not {wish}."


def nobody_does(intent: Intent) -> str:
    """Name an intent, and say that nothing is connected that carries it out."""
    slots = words.listed([f"{name.replace('_', ' ')} {value}" for name, value in intent.slots.items()])
    named = f"{intent.name}, with {slots}" if slots else intent.name
    return f"I understood {named}. But nothing that does this is connected to me yet."


def wish(intent: Intent, kind: str, house: House) -> str:
    """Return what is wanted, such as "turn on the lights in the office"; `kind` is Home Assistant's domain."""
    slots = intent.slots
    thing = _thing(slots, kind)
    match intent.name:
        case "HassTurnOn":
            return f"{'open' if kind == 'cover' else 'turn on'} {thing}"
        case "HassTurnOff":
            return f"{'close' if kind == 'cover' else 'turn off'} {thing}"
        case "HassGetState":
            return f"tell whether {thing} {'are' if thing.endswith('s') else 'is'} {slots.get('state')}"
        case "HassFanSetSpeed":
            return f"set {thing} to {slots.get('percentage')} percent"
        case "HassSetPosition":
            return f"set {thing} to {slots.get('position')} percent"
        case "HassClimateSetTemperature":
            scale = "Fahrenheit" if house.units == "imperial" else "Celsius"
            return f"set the temperature{_where(slots)} to {slots.get('temperature')} degrees {scale}"
        case "HassSetVolume":
            return f"set the volume of {thing} to {slots.get('volume_level')} percent"
        case "HassSetVolumeRelative":
            step = slots.get("volume_step")
            is_down = step == "down" or (isinstance(step, (int, float)) and step < 0)
            return f"turn {'down' if is_down else 'up'} the volume of {thing}"
        case "HassLightSet" if "brightness" in slots:
            return f"set {thing} to {slots['brightness']} percent"
        case "HassLightSet" if "color" in slots:
            return f"make {thing} {slots['color']}"
        case "HassLightSet":
            return f"set {thing} to {slots.get('temperature')} kelvin"
        case _:
            return f"{intent.name} {thing}"


def _thing(slots: Mapping[str, Any], kind: str) -> str:
    """Return "the desk lamp", "the lights in the office", "the players in the kitchen"."""
    if "name" in slots:
        return f"the {slots['name']}{_where(slots)}"
    return f"the {words.plural(str(slots.get('device_class') or _noun(kind)))}{_where(slots)}"


def _where(slots: Mapping[str, Any]) -> str:
    place = slots.get("area", slots.get("floor"))
    return f" in the {place}" if "area" in slots else f" on the {place}" if "floor" in slots else ""


def _noun(kind: str) -> str:
    """Return what people call a domain of Home Assistant's."""
    return {"climate": "thermostat", "media_player": "player"}.get(kind, kind.replace("_", " ") or "device")
