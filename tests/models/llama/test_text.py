import random
from itertools import pairwise

from models.llama.text import Saying


def said(data: bytes, cuts: list[int]) -> list[str]:
    saying = Saying()
    edges = [0, *cuts, len(data)]
    pieces = [saying.add(data[start:end]) for start, end in pairwise(edges)]
    assert "".join(pieces) == saying.text
    return pieces


def test_a_character_is_said_when_it_is_whole() -> None:
    assert said("né 👍🏽!".encode(), [2, 3, 5, 6, 7]) == ["n", "é", "", "", "", " 👍🏽!"]


def test_any_cut_makes_the_same_text() -> None:
    text = "Zwölf Äpfel · 十二 яблок 👨‍👩‍👧 & ½"
    data = text.encode()
    chance = random.Random(1)
    for _ in range(300):
        cuts = sorted(chance.randrange(len(data)) for _ in range(chance.randrange(12)))
        assert "".join(said(data, cuts)) == text


def test_what_is_no_utf_8_is_never_said() -> None:
    assert "".join(said(b"a\xff\xfeb\xc3c\xe2\x82", [1, 2, 5])) == "abc"


def test_white_space_waits_for_what_follows() -> None:
    assert said(b"\n  one two \n\n", [1, 6, 7, 12]) == ["", "one", "", " two", ""]
    assert said(b"\x00\x1b[31mred\x07", []) == ["[31mred"]


def test_a_mark_and_what_follows_it_is_not_said() -> None:
    saying = Saying("<tool_call>")
    said = [saying.add(data) for data in (b"Sure", b".", b"\n<", b"tool", b"_call", b">\n{", b"x")]
    assert said[:5] == ["Sure", ".", "", "", ""]
    assert saying.marked
    assert saying.text == "Sure."


def test_what_only_looks_like_a_mark_is_said() -> None:
    saying = Saying("<tool_call>")
    assert [saying.add(data) for data in (b"1 ", b"<", b" 2 <to", b"p> <tool_<", b"b>")] == [
        "1",
        "",
        " < 2",
        " <top> <tool_",
        "<b>",
    ]
    assert not saying.marked
