# ruff: noqa: RUF001 - dashes and signs that look alike
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clauses import MAX_CLAUSE
from models.speakable import speakable
from models.units import UNITS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The light is on.", "The light is on."),
        ("It is 21.5 °C and 45% humid.", "It is 21.5 degrees Celsius and 45 percent humid."),
        ("It is 1° warmer", "It is 1 degree warmer"),
        ("-5 °C, not −3", "minus 5 degrees Celsius, not minus 3"),
        ("20-25 °C or 3–4 km", "20 to 25 degrees Celsius or 3 to 4 kilometers"),
        ("50 km/h, 60mph", "50 kilometers per hour, 60 miles per hour"),
        ("10 kWh, 1 kg, 2,500 W", "10 kilowatt hours, 1 kilogram, 2,500 watts"),
        ("12 µg/m³ in 100 m²", "12 micrograms per cubic meter in 100 square meters"),
        ("wait 5 min or 2h", "wait 5 minutes or 2 hours"),
        ("in the 1990s, 5s", "in the 19 90s, 5 seconds"),
        ("I'm 5 and it's 3's turn", "I'm 5 and it's 3's turn"),
        ("at 5:30", "at 5 30"),
        ("at 17:05.", "at 17 oh 5."),
        ("at 7:00, 17:00 and 0:00", "at 7 o'clock, 17 hundred and midnight"),
        ("at 5:30 pm, 6 a.m. and 7:00 AM", "at 5 30 PM, 6 AM and 7 AM"),
        ("from 5 p.m. on", "from 5 PM on"),
        ("12:00:30", "12 o'clock and 30 seconds"),
        ("16:9, 25:61", "16:9, 25:61"),
        ("It costs $5.99 or €1.", "It costs 5 dollars and 99 cents or 1 euro."),
        ("£0.50, $2.00, ¥500, 20 €", "50 pence, 2 dollars, 500 yen, 20 euros"),
        ("$1.2 million and €3.5M", "1.2 million dollars and 3.5 million euros"),
        ("on 2026-11-22", "on November 22nd, 20 26"),
        ("on November 3, 1984", "on November 3rd, 19 84"),
        ("on Jan. 1", "on January 1st"),
        ("the 3rd of May 2005", "the 3rd of May 2005"),
        ("on 22 November", "on 22nd of November"),
        ("since 1999, in 1905 or 1900", "since 19 99, in 19 oh 5 or 1900"),
        ("in 2000 ways", "in 2000 ways"),
        ("May 5:30 be fine", "May 5 30 be fine"),
        ("Dr. Ito and Mrs. J. R. Lee of St. Ives", "Doctor Ito and Missus J R Lee of Saint Ives"),
        ("tea, e.g. green, etc.", "tea, for example green, et cetera"),
        ("No. 5 and #7", "number 5 and number 7"),
        ("salt & pepper = good", "salt and pepper equals good"),
        ("1/2 cup, ¾ cup, 5/6", "one half cup, three quarters cup, 5/6"),
        ("3 x 4 and 3*4", "3 times 4 and 3 times 4"),
        ("~20 or < 5", "about 20 or less than 5"),
        ("call 555-1234 or +49 30 1234567", "call 5 5 5, 1 2 3 4 or 4 9, 3 0, 1 2 3 4 5 6 7"),
        ("192.168.1.10 and v1.0.2", "192 dot 168 dot 1 dot 10 and v1.0.2"),
        ("example.com, me@example.com", "example dot com, me at example dot com"),
        ("1,234,567 and 0.5", "1,234,567 and 0.5"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_said(text: str, said: str) -> None:
    assert speakable(text, "en-US") == said


@pytest.mark.parametrize("language", ["de", "fr-FR", "zh", "ja"])
def test_other_languages_are_left_alone(language: str) -> None:
    assert speakable("Es ist 5:30, 21,5 °C und $5.", language) == "Es ist 5:30, 21,5 °C und $5."


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit(unit: str) -> None:
    one, many = UNITS[unit]
    assert speakable(f"It is 1 {unit}.", "en") == f"It is 1 {one}."
    assert speakable(f"It is 2.5{unit}, so", "en-GB") == f"It is 2.5 {many}, so"


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    said = speakable(text, "en")
    assert len(said) <= 20 * len(text)


@given(st.text(st.sampled_from("15:.,-/$€%mk AMpm °x"), max_size=200))
def test_any_numbers(text: str) -> None:
    assert [c for c in speakable(text, "en") if c.isdigit()][:1] in ([], ["0"], *([str(d)] for d in range(1, 10)))


@pytest.mark.parametrize("text", ["1", "1 ", "1,", "1.", "1:", "-1", "$1", "a.", "A.", "a@", "+1 ", "1/"])
def test_a_long_clause_of_anything(text: str) -> None:
    """A rule that goes back over and over would take minutes."""
    text *= MAX_CLAUSE // len(text)
    assert len(speakable(text, "en")) < 10 * len(text)
