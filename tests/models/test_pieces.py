from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.pieces import LONGEST, MOST_WORK_S, PATIENCE_S, SAFETY, SOUND_PER_CHARACTER, Pace, Pieces

ANSWER = [
    "The light in the office is on,",
    "and so is the one in the kitchen.",
    "Outside it is three degrees and it rains a little.",
    "I will tell you when that changes,",
    "and then you can go out.",
]


def played(clauses: list[str], *, factor: float, shortest: int = 10, each_s: float = 0.0) -> tuple[list[str], float]:
    """Speak with an engine of that factor, and so much more work each time; return the pieces and the longest gap."""
    pace = Pace(factor)
    pieces = Pieces(pace, shortest)
    pieces.add(clauses)
    now, end = 0.0, None
    said, gap = [], 0.0
    while (piece := pieces.next(None if end is None else max(0.0, end - now), over=True)) is not None:
        sound_s = SOUND_PER_CHARACTER * len(piece)
        work_s = factor * sound_s + each_s
        now += work_s
        pace.made(len(piece), sound_s, work_s)
        if end is not None:
            gap = max(gap, now - end)
        end = max(now, end or 0.0) + sound_s
        said.append(piece)
    return said, gap


def test_the_first_clause_goes_first_and_pieces_grow() -> None:
    said, gap = played(ANSWER, factor=0.5)
    assert said[0] == ANSWER[0]
    assert " ".join(said) == " ".join(ANSWER)
    assert len(said) == 4
    assert len(said[2]) > len(said[1]) > len(said[0])
    assert gap == 0


def test_a_fast_engine_says_the_rest_at_once() -> None:
    said, _ = played(ANSWER, factor=0.01)
    assert said == [ANSWER[0], " ".join(ANSWER[1:])]


def test_a_slow_engine_pauses_only_between_clauses() -> None:
    said, gap = played(ANSWER, factor=1.5)
    assert said == ANSWER
    assert gap > 0


def test_short_clauses_wait_for_more() -> None:
    pieces = Pieces(Pace(0.5), 10)
    assert pieces.next(None, over=False) is None
    pieces.add(["Yes,"])
    assert pieces.next(None, over=False) is None
    pieces.add(["I know,", "it is late."])
    assert pieces.next(None, over=False) == "Yes, I know, it is late."
    pieces.add(["OK."])
    assert pieces.next(0.5, over=False) is None
    assert pieces.next(0.5, over=True) == "OK."
    assert pieces.next(0.5, over=True) is None


def test_an_engine_that_likes_short_ones_gets_them() -> None:
    pieces = Pieces(Pace(0.005), 1)
    pieces.add(["Yes,", "it is late."])
    assert pieces.next(None, over=False) == "Yes,"


def test_a_clause_that_takes_too_long_is_cut_between_words() -> None:
    words = "one two three four five six seven eight nine ten " * 3
    said, gap = played(["Listen to this:", words.strip()], factor=0.7)
    assert said[0] == "Listen to this:"
    assert len(said[1]) <= SAFETY * len(said[0]) / 0.7 + 5
    assert " ".join(said[1:]) == words.strip()
    assert gap == 0
    first, _ = played([words.strip()], factor=0.7)
    assert len(first[0]) <= PATIENCE_S / (0.7 * SOUND_PER_CHARACTER)
    assert played([words[:97].strip()], factor=1.2)[0] == [words[:97].strip()]


def test_what_is_cut_off_is_worth_saying() -> None:
    said, _ = played(["Listen to this:", "incomprehensibilities are so on"], factor=0.9)
    assert said == ["Listen to this:", "incomprehensibilities are so on"]


def test_no_piece_is_longer_than_the_longest() -> None:
    assert played(["x" * 500], factor=2.0)[0] == ["x" * LONGEST, "x" * LONGEST, "x" * (500 - 2 * LONGEST)]
    assert max(map(len, played(["word " * 100], factor=0.5)[0])) <= LONGEST


def test_clauses_without_letters_do_not_pile_up() -> None:
    said, _ = played(["([{<" * 40] * 200, factor=0.5)
    assert max(map(len, said)) <= LONGEST
    assert len("".join(said).replace(" ", "")) == 160 * 200


def test_no_piece_takes_the_engine_for_long() -> None:
    said, _ = played(["word " * 30], factor=4.0)
    assert max(map(len, said)) <= MOST_WORK_S / (4.0 * SOUND_PER_CHARACTER)
    assert min(map(len, said[:-1])) > 20


def test_a_pace_follows_what_is_made() -> None:
    pace = Pace(0.5)
    assert pace.factor == pytest.approx(0.5)
    assert pace.characters(1.0) == pytest.approx(1 / (0.5 * SOUND_PER_CHARACTER))
    for _ in range(20):
        pace.made(100, 5.0, 1.0)
    assert pace.factor == pytest.approx(0.2, abs=0.02)
    assert pace.characters(1.0) == pytest.approx(100, rel=0.1)
    before = pace.factor
    pace.made(5, 0.0, 1.0)  # silence says nothing
    assert pace.factor == before


@given(
    st.lists(st.text(st.sampled_from("ab "), min_size=1, max_size=150).filter(str.strip), max_size=12),
    st.floats(0.01, 0.6),
)
def test_nothing_is_lost_and_nobody_waits(clauses: list[str], factor: float) -> None:
    said, _ = played(clauses, factor=factor)
    assert "".join("".join(said).split()) == "".join("".join(clauses).split())


@given(st.lists(st.integers(2, 12), min_size=1, max_size=30), st.floats(0.01, 0.65), st.floats(0.0, 0.08))
def test_an_engine_faster_than_real_time_leaves_no_gap(lengths: list[int], factor: float, each_s: float) -> None:
    """Clauses of two to twelve words, said by an engine that has some work for every piece besides."""
    clauses = [" ".join(["seven"] * words) + "." for words in lengths]
    said, gap = played(clauses, factor=factor, each_s=each_s)
    assert " ".join(said) == " ".join(clauses)
    assert gap == 0
