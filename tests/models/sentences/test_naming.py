from __future__ import annotations

import pytest

from models.sentences.naming import as_said, in_words, readings, spelt_out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("💡 Desk Lamp", "Desk Lamp"),
        ("👨‍👩‍👧 family_room [1/2] ❤️", "family room 1 2"),
        ("Mom's (old) lamp", "Mom's old lamp"),
        ("Lampe électrique", "Lampe électrique"),
        ("Lampe e\u0301lectrique", "Lampe électrique"),
        ("リビングの電気", "リビングの電気"),
        ("हॉल की बत्ती", "हॉल की बत्ती"),
        ("100 % & 20°", "100 20°"),
        ("💡🔥", ""),
        ("  \u200b\n ", ""),
        ("\ud800", ""),
        ("Ⅳ ² ① ＴＶ 𝐋𝐚𝐦𝐩 ﬁre Lamp™ 1️⃣ ½", "IV 2 1 TV Lamp fire Lamp 1 ½"),  # noqa: RUF001
        ("{name} <light> (on|off)", "name light on off"),
    ],
)
def test_names_are_spelt_as_they_are_said(name: str, said: str) -> None:
    assert spelt_out(name) == said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("💡 Lamp", "Lamp"),
        ("💡", "electric light bulb"),
        ("☀️🔥☀️", "black sun with rays fire"),
        ("👾" * 9, "alien monster"),
        ("***", ""),
        ("", ""),
    ],
)
def test_pictures_alone_are_called_as_unicode_calls_them(name: str, words: str) -> None:
    assert in_words(name) == words


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("turn on the lamp", []),
        ("What time is it?", []),
        ("Turn on the lamp, please!", []),
        ("turn on the 💡 desk lamp", ["turn on the desk lamp", "turn on the electric light bulb desk lamp"]),
        ("turn on 💡", ["turn on", "turn on electric light bulb"]),
        ("turn on lamp (left)", ["turn on lamp left"]),
        ("💡", ["electric light bulb"]),
    ],
)
def test_other_ways_to_read_a_text(text: str, others: list[str]) -> None:
    assert readings(text) == others


def test_what_a_thing_is_called() -> None:
    assert as_said(["Lamp"]) == ("Lamp", (), "")
    assert as_said(["💡 Lamp", "lamp", 7, None, "Bulb!"]) == ("Lamp", ("Bulb",), "💡 Lamp")
    assert as_said(["🔥", "Fireplace (lamp)"]) == ("Fireplace lamp", ("fire",), "🔥")  # words before pictures
    assert as_said(["x" * 300]) == ("x" * 255, (), "")
    assert as_said(["***", "", None]) is None
    assert as_said([]) is None
