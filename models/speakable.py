"""Numbers, units, times, dates, money and abbreviations as people say them, clause by clause.

Only what a voice would say wrong is rewritten. Whole numbers and decimals are left in digits: espeak-ng, which reads
for both voices, says those well in all its languages. English; other languages are left as they are.
"""

# ruff: noqa: RUF001 - dashes and signs that look alike

from __future__ import annotations

import re
from collections.abc import Callable

from models.units import UNITS

_NUMBER = r"(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)"
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|{'|'.join(month[:3] for month in _MONTHS if month != 'May')}|Sept)\b\.?"

_UNIT = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))

_CURRENCIES = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "pence"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}

_FRACTIONS = {
    "1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter", "3/4": "three quarters",
    "½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters",
}  # fmt: skip

_WORDS = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Prof.": "Professor", "vs.": "versus",
    "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is", "approx.": "approximately", "a.m.": "AM",
    "p.m.": "PM", "&": "and", "≈": "about", "±": "plus or minus", "→": ",", "=": "equals", "≥": "at least",
    "≤": "at most", "×": "times",
}  # fmt: skip
"""Whatever stands alone, or where a word begins and ends. Dots would be pauses."""


def speakable(clause: str, language: str) -> str:
    """Return `clause`, a piece of plain text, as it is said in `language` (BCP 47)."""
    if language.lower().partition("-")[0] != "en":
        return clause
    for pattern, say in _RULES:
        clause = pattern.sub(say, clause)
    return " ".join(clause.split())


def _year(year: str) -> str:
    """1984 as 19 84; 2005 is said well as it is."""
    century, rest = year[:2], year[2:]
    if year[:3] == "200" or not "11" <= century <= "20":
        return year
    if rest == "00":
        return f"{century} hundred"
    return f"{century} oh {rest[1]}" if rest[0] == "0" else f"{century} {rest}"


def _ordinal(day: str) -> str:
    number = int(day)
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _date(month: int, day: str, year: str | None) -> str:
    return f"{_MONTHS[month - 1]} {_ordinal(day)}{f', {_year(year)}' if year else ''}"


def _iso_date(found: re.Match[str]) -> str:
    return _date(int(found["month"]), found["day"], found["year"])


def _month_and_day(found: re.Match[str]) -> str:
    month = next(place for place, name in enumerate(_MONTHS, 1) if found["month"].startswith(name[:3]))
    return _date(month, found["day"], found["year"])


def _day_and_month(found: re.Match[str]) -> str:
    month = next(name for name in _MONTHS if found["month"].startswith(name[:3]))
    year = f" {_year(found['year'])}" if found["year"] else ""
    return f"{_ordinal(found['day'])} of {month}{year}"


def _time(found: re.Match[str]) -> str:
    hour, minute, second = int(found["hour"]), found["minute"], found["second"]
    half = found["half"] or ""
    if minute != "00":
        said = f"{hour} {f'oh {minute[1]}' if minute[0] == '0' else minute}"
    elif half:
        said = str(hour)
    elif hour in (0, 24):
        said = "midnight"
    else:
        said = f"{hour} o'clock" if hour <= 12 else f"{hour} hundred"
    return f"{said}{half}{f' and {int(second)} seconds' if second else ''}"


def _money(found: re.Match[str]) -> str:
    unit, part = _CURRENCIES[found["sign"]]
    number, scale = found["number"], found["scale"]
    whole, _, cents = number.partition(".")
    if scale:
        scale = _SCALES.get(scale.lower(), scale.lower())
        return f"{number} {scale} {_plural(unit, '2')}"
    if len(cents) != 2 or not part:
        return f"{number} {_plural(unit, number)}"
    said = [f"{whole} {_plural(unit, whole)}"] if whole != "0" else []
    if cents != "00":
        said.append(f"{int(cents)} {_plural(part, str(int(cents)))}")
    return " and ".join(said) or f"0 {_plural(unit, '0')}"


def _plural(unit: str, number: str) -> str:
    return unit if number == "1" or unit in ("yen", "pence", "paisa") else f"{unit}s"


def _measure(found: re.Match[str]) -> str:
    one, many = UNITS[found["unit"]]
    return f"{found['number']} {one if found['number'] == '1' else many}"


def _digits(found: re.Match[str]) -> str:
    """One by one, with a pause where something stands between."""
    return ", ".join(" ".join(group) for group in re.findall(r"\d+", found[0]))


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str]

_RULES: list[_Rule] = [
    # Words
    (re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, _WORDS))})(?![\w.])"), lambda found: _WORDS[found[0]]),
    (re.compile(r"(?<=\d)\s*(?P<half>[ap])(?:\.m\.|m\b)(?!\w)", re.I), lambda found: f" {found['half'].upper()}M"),
    (re.compile(r"\bSt\.(?= [A-Z])"), "Saint"),
    (re.compile(r"\bNo\. ?(?=\d)|(?<!\S)#(?=\d)"), "number "),
    (re.compile(r"\b([A-Z])\.(?= ?[A-Z])"), r"\1 "),
    # Addresses, versions
    (re.compile(r"(?<=[\w-])@(?=\w)"), " at "),
    (re.compile(r"\b\d+(?:\.\d+){2,}\b"), lambda found: found[0].replace(".", " dot ")),
    (re.compile(r"(?<=[a-z0-9])\.(?=[a-z]{2})"), " dot "),
    # Dates
    (re.compile(r"\b(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?=T?\b)"), _iso_date),
    (
        re.compile(rf"\b{_MONTH} (?P<day>3[01]|[12]?\d)(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<year>\d{{4}})\b)?"),
        _month_and_day,
    ),
    (
        re.compile(rf"\b(?P<day>3[01]|[12]?\d)(?:st|nd|rd|th)?(?: of)? {_MONTH}(?: (?P<year>\d{{4}})\b)?"),
        _day_and_month,
    ),
    (
        re.compile(
            rf"(?<=\b)((?:in|since|from|until|by|before|after|{'|'.join(_MONTHS)}) )(1[1-9]\d\d|20[1-9]\d)\b(?![.,]\d)",
            re.I,
        ),
        lambda found: found[1] + _year(found[2]),
    ),
    # Times
    (
        re.compile(
            r"\b(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?P<half> [AP]M)?\b(?![:.]\d)"
        ),
        _time,
    ),
    # Money
    (
        re.compile(rf"(?P<sign>[$€£¥₹]) ?{_NUMBER}(?: ?(?P<scale>thousand|million|billion|[kKmMbB]n?)\b)?"),
        _money,
    ),
    (re.compile(rf"{_NUMBER}(?: (?P<scale>thousand|million|billion))? ?(?P<sign>[$€£¥₹])(?!\d)"), _money),
    # Numbers
    (re.compile(r"\+\d[\d ()-]{6,}\d|\b(?:\d{3}-)?\d{3}-\d{4}\b|\b0\d{5,}\b"), _digits),
    (re.compile(rf"(?<![\w/])(?:{'|'.join(_FRACTIONS)})(?![\w/])"), lambda found: _FRACTIONS[found[0]]),
    (re.compile(r"(?<=\d) ?[–—] ?(?=\d)"), " to "),
    (re.compile(rf"(?<=\d)-(?=\d+(?:\.\d+)? ?(?:{_UNIT})(?!\w))"), " to "),
    (re.compile(r"(?<![\w.)])[-−](?=\d)"), "minus "),
    (re.compile(r"(?<![\w.)])~(?=\d)"), "about "),
    (re.compile(r"(?<!\S)<(?= ?\d)"), "less than "),
    (re.compile(r"(?<!\S)>(?= ?\d)"), "more than "),
    (re.compile(r"(?<=\d) ?[x*×] ?(?=\d)"), " times "),
    (
        re.compile(rf"(?<![\w.,])(?!\d{{4}}s\b){_NUMBER} ?(?P<unit>{_UNIT})(?![\w'])"),
        _measure,
    ),
    (re.compile(r"\b(1[1-9]|20)([1-9]0)s\b"), r"\1 \2s"),  # the 1990s
]
