from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.plain import Plain


def plain(text: str, size: int = 1) -> str:
    stream = Plain()
    return "".join([*(stream.add(text[at : at + size]) for at in range(0, len(text), size)), stream.flush()])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The light is on.", "The light is on."),
        ("**Yes**, it is *on*, __really__ and _truly_.", "Yes, it is on, really and truly."),
        ("***Note:*** un**believ**able (**5**) ~~no~~ `ls`", "Note: unbelievable (5) no ls"),
        ("3 * 4 is 3*4, light.kitchen_lamp", "3 * 4 is 3*4, light.kitchen lamp"),
        ("# Lights\nAll are on.", "Lights.\nAll are on."),
        ("## What now?\nWait.", "What now?\nWait."),
        ("- one\n* two\n+ three\n• four", "one.\ntwo.\nthree.\nfour."),
        ("- [ ] milk\n- [x] eggs", "milk.\neggs."),
        ("> he said\n> so", "he said.\nso."),
        ("1. Take it\n2. Eat it", "1. Take it\n2. Eat it"),
        ("a\n---\nb\n***\nc", "a\nb\nc"),
        ("| room | light |\n|------|:-----:|\n| hall | on |", "room, light,\nhall, on,"),
        ("So:\n```python\nprint('x')\n\nend\n```\nDone.", "So:\nDone."),
        ("Look [here](https://example.com/a_b?c=d) now", "Look here now"),
        ("Look [over here, please](https://e.com \"a title\").", "Look over here, please."),
        ("![a cat](cat.jpg) and [this][1]", "a cat and this"),
        ("[not a link] and x[1]", "[not a link] and x[1]"),
        ("See https://www.example.com/path?q=1, or <http://me@a.org:80/>.", "See example.com, or a.org."),
        ("<b>Yes</b><br/>no <!-- x -->", " Yes  no  "),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("Fish &amp; chips &lt; 5", "Fish & chips < 5"),
        (r"\*not bold\* and \$5", "not bold and $5"),
        ("It is on 😀 now 👍🏽!", "It is on  now !"),
        ("👨‍👩‍👧 ❤️ 1️⃣ 🇩🇪 here", "  1  here"),
        ("😀", "grinning face"),
        ("👍🏽👍", "thumbs up sign"),
        ("-5 degrees", "-5 degrees"),
        ("它**很好**。是的", "它很好。是的"),
        ("Windows\r\nline", "Windows\nline"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_said(text: str, said: str) -> None:
    assert plain(text, 1000) == said
    assert plain(text, 1) == plain(text, 3) == said


def test_words_come_as_soon_as_they_are_whole() -> None:
    stream = Plain()
    assert stream.add("The light is on, and") == "The light is on, "
    assert stream.add(" **so** ") == "and so "
    assert stream.add("are [the") == "are "
    assert stream.add(" doors](http://x") == ""
    assert stream.add(".y) closed.") == "the doors "
    assert stream.add("\n") == "closed.\n"
    assert stream.add("- ") == ""
    assert stream.add("one\n") == "one.\n"
    assert stream.flush() == ""


def test_code_that_never_ends_is_not_kept() -> None:
    stream = Plain()
    assert stream.add("```\n") == ""
    for _ in range(100):
        assert stream.add("x" * 1000) == ""
    assert len(stream._text) < 5000


@pytest.mark.parametrize("text", ["[", "<a", "x", "*", "_", "`", "(", "\\", "&", "| ", "- ", "[a](", "http://", "."])
def test_a_lot_of_anything(text: str) -> None:
    text *= 20_000 // len(text)
    assert len(plain(text, 20_000)) <= len(text) + 1
    assert len(plain(text, 500)) <= len(text) + 1


@given(st.text(st.sampled_from("ab1 \n*_`~[]()<>|#-+:/.!&;\\é😀。"), max_size=120), st.integers(1, 50))
def test_however_it_comes_it_is_the_same(text: str, size: int) -> None:
    assert plain(text, size) == plain(text, 1000)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    plain(text, 7)
