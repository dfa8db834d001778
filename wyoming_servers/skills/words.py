"""English for numbers, times and things: the parts that `english` puts its sentences together from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from fractions import Fraction

_SMALL = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

_PLURALS = {"person": "people", "mouse": "mice", "knife": "knives", "sheep": "sheep", "skis": "skis"}

# Not strftime's, which are the machine's language.
_MONTHS = ["January", "February", "March", "April", "May", "June"]
_MONTHS += ["July", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def time_of_day(now: datetime, hours: int) -> str:
    """Return "3:05 PM", "3 PM" or "15:05"; `hours` is 12 or 24."""
    if hours == 24:
        return f"{now.hour}:{now.minute:02d}"
    minutes = f":{now.minute:02d}" if now.minute else ""
    return f"{now.hour % 12 or 12}{minutes} {'AM' if now.hour < 12 else 'PM'}"


def day_of_year(day: date) -> str:
    """Return "November 22nd, 2026"."""
    return f"{_MONTHS[day.month - 1]} {ordinal(day.day)}, {day.year}"


def day_of_week(day: date) -> str:
    """Return "Sunday"."""
    return _DAYS[day.weekday()]


def part_of_day(now: datetime) -> str:
    """Return "morning", "afternoon" or "evening"."""
    return "morning" if 4 <= now.hour < 12 else "afternoon" if 12 <= now.hour < 18 else "evening"


def ordinal(number: int) -> str:
    """Return "1st", "12th", "23rd"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def duration(seconds: int) -> str:
    """Return "5 minutes" or "1 hour and 20 minutes": the two largest units that count."""
    parts = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in _split(seconds)]
    return listed(parts[:2]) or "0 seconds"


def length(seconds: int) -> str:
    """Return a duration that stands before a noun: "5 minute", "1 hour 20 minute"."""
    return " ".join(f"{count} {unit}" for count, unit in _split(seconds))


def _split(seconds: int) -> Iterator[tuple[int, str]]:
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            yield count, unit


def listed(things: Sequence[str], last: str = "and") -> str:
    """Return "a", "a and b", "a, b and c"; "" for nothing. `last` stands before the last one."""
    return f" {last} ".join(filter(None, (", ".join(things[:-1]), things[-1]))) if things else ""


def counted(count: int, noun: str) -> str:
    """Return "one person", "two people", "13 dogs"."""
    number = _SMALL[count] if count < len(_SMALL) else str(count)
    return f"{number} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return "people", "glasses", "puppies", "dogs"."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def number(value: Fraction) -> str:
    """Return "12", "2.5", "minus 3" or "about 0.3333"."""
    rounded = round(value, 4)
    text = f"{float(abs(rounded)):.4f}".rstrip("0").rstrip(".")
    sign = "minus " if rounded < 0 else ""
    return f"{'' if rounded == value else 'about '}{sign}{text}"


def capitalized(text: str) -> str:
    """Return the text with its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]
