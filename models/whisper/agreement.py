"""The beginning of a text that will hardly change any more, from one partial transcript after the other.

Local agreement of two (Liu, Spanakis, Niehues: "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection", 2020; Whisper-Streaming uses it): the words with which two partial transcripts in a row
begin are taken for certain.
"""

from __future__ import annotations

from collections.abc import Sequence


class Agreement:
    """Follows the partial transcripts of one utterance."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self.words: list[str] = []
        """What is certain; it only grows."""

    def hear(self, text: str) -> None:
        """Take the next partial transcript."""
        words = text.split()
        agreed = _common(self._last, words)
        self._last = words
        # One that contradicts what is certain already says nothing new.
        if len(agreed) > len(self.words) and agreed[: len(self.words)] == self.words:
            self.words = agreed


def rest_of(text: str, certain: Sequence[str]) -> str | None:
    """Return what is left of the final `text` after the words that were `certain`, None where it contradicts them."""
    words = text.split()
    return " ".join(words[len(certain) :]) if words[: len(certain)] == list(certain) else None


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the words with which both begin, without the last: it may be half of one."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return list(other[: max(0, min(count, len(one) - 1, len(other) - 1))])
