from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from satellite.turns.reply import MOST_CHARACTERS, Reply


def test_what_is_told_again_adds_nothing() -> None:
    reply = Reply()
    reply.begin()
    reply.add("It is ")
    reply.add("noon. ")
    reply.complete("It is noon. Really.")
    assert reply.items == ["It is ", "noon. ", "Really."]
    reply.begin()
    reply.complete("It is noon. Really.")
    assert len(reply.items) == 3


def test_another_answer_is_said_whole() -> None:
    reply = Reply()
    reply.add("It is noon.")
    reply.begin()
    reply.add("It is one")
    reply.add(" o'clock.")
    assert reply.text == "It is noon. It is one o'clock."


def test_it_has_an_end() -> None:
    reply = Reply()
    for _ in range(30):
        reply.add("x" * 999)
    assert len(reply.text) == MOST_CHARACTERS
    assert "".join(reply.items) == reply.text


async def test_whether_there_is_anything_to_say() -> None:
    for text, words in (("", False), (" ... ", False), ("...yes", True), ("7", True), ("é", True)):
        reply = Reply()
        reply.add(text)
        reply.end()
        assert await reply.has_words() is words


@given(st.text(max_size=60), st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.integers(0, 60))
def test_however_it_is_cut_and_broken_off_it_is_said_once(
    text: str, first: list[int], second: list[int], breaks_at: int
) -> None:
    def pieces(text: str, cuts: list[int]) -> list[str]:
        edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
        return [text[begin:end] for begin, end in pairwise(edges)]

    reply = Reply()
    reply.begin()
    for piece in pieces(text[:breaks_at], first):
        reply.add(piece)
    reply.begin()
    for piece in pieces(text, second):
        reply.add(piece)
    reply.complete(text)
    assert reply.text == text
    assert "".join(reply.items) == text
