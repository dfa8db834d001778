from datetime import datetime
from fractions import Fraction

import pytest

from wyoming_servers.skills import words


@pytest.mark.parametrize(
    ("hour", "minute", "twelve", "twentyfour"),
    [
        (0, 0, "12 AM", "0:00"),
        (0, 5, "12:05 AM", "0:05"),
        (11, 59, "11:59 AM", "11:59"),
        (12, 0, "12 PM", "12:00"),
        (15, 5, "3:05 PM", "15:05"),
    ],
)
def test_time_of_day(hour: int, minute: int, twelve: str, twentyfour: str) -> None:
    now = datetime(2026, 1, 1, hour, minute)
    assert words.time_of_day(now, 12) == twelve
    assert words.time_of_day(now, 24) == twentyfour


def test_ordinal() -> None:
    assert [words.ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    )


@pytest.mark.parametrize(
    ("seconds", "duration", "length"),
    [
        (0, "0 seconds", ""),
        (1, "1 second", "1 second"),
        (61, "1 minute and 1 second", "1 minute 1 second"),
        (300, "5 minutes", "5 minute"),
        (3600 * 2 + 90, "2 hours and 1 minute", "2 hour 1 minute 30 second"),
        (86400 * 3, "3 days", "3 day"),
    ],
)
def test_durations(seconds: int, duration: str, length: str) -> None:
    assert words.duration(seconds) == duration
    assert words.length(seconds) == length


def test_listed() -> None:
    assert [words.listed(things) for things in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == (
        ["", "a", "a and b", "a, b and c"]
    )


@pytest.mark.parametrize(
    ("count", "noun", "counted"),
    [
        (1, "person", "one person"),
        (2, "person", "two people"),
        (13, "dog", "13 dogs"),
        (2, "bus", "two buses"),
        (2, "puppy", "two puppies"),
        (2, "toy", "two toys"),
        (2, "bench", "two benches"),
    ],
)
def test_counted(count: int, noun: str, counted: str) -> None:
    assert words.counted(count, noun) == counted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(12), "12"),
        (Fraction(-3), "minus 3"),
        (Fraction(5, 2), "2.5"),
        (Fraction(1, 3), "about 0.3333"),
        (Fraction(-2, 3), "about minus 0.6667"),
        (Fraction(1000), "1000"),
        (Fraction(0), "0"),
    ],
)
def test_number(value: Fraction, text: str) -> None:
    assert words.number(value) == text
