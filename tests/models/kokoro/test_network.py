from __future__ import annotations

import pytest

from models.kokoro.network import MOST_PHONEMES, _pieces


def test_what_is_not_too_much_stays_whole() -> None:
    assert _pieces("hello world") == ["hello world"]
    assert _pieces("a" * MOST_PHONEMES) == ["a" * MOST_PHONEMES]


def test_it_is_cut_at_spaces() -> None:
    words = " ".join(["wordy"] * 200)
    pieces = _pieces(words)
    assert " ".join(pieces) == words
    assert all(150 < len(piece) <= MOST_PHONEMES for piece in pieces[:-1])


@pytest.mark.parametrize("count", [MOST_PHONEMES + 1, 5 * MOST_PHONEMES, 2000])
def test_a_word_without_end_is_cut_anywhere(count: int) -> None:
    pieces = _pieces("a" * count)
    assert "".join(pieces) == "a" * count
    assert max(map(len, pieces)) == MOST_PHONEMES


def test_pieces_of_nothing_but_marks_are_left_out() -> None:
    assert _pieces("a" * MOST_PHONEMES + " ... !") == ["a" * MOST_PHONEMES]
