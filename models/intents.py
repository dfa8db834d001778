"""The embedded responder: what was said is looked up among the sentences of the house, by hassil.

It is pure Python, so it holds the interpreter's lock, 1 to 7 ms for a sentence, at most some 30 ms for the worst text
of the length that is looked at (see `models.sentences.library`): run it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from models.engine import Answering, Exchange, Intent, Responder
from models.sentences.alike import alike
from models.sentences.house import House, load_house
from models.sentences.library import Sentences, load_sentences


class SentenceResponder(Responder):
    """Understands the sentences of the house, and nothing else."""

    def __init__(self, sentences: Sentences) -> None:
        self.name, self.version = "hassil", version("hassil")
        self.languages = [sentences.language]
        self._sentences = sentences
        sentences.warm()

    def open(self, *, text: str, history: Sequence[Exchange] = (), **_: object) -> SentenceAnswering:  # noqa: ARG002
        """Return the answer: the `Intent` that `text` means, whatever came before, or nothing."""
        return SentenceAnswering(self._sentences, text)


class SentenceAnswering(Answering):
    """One `Intent`, or nothing."""

    def __init__(self, sentences: Sentences, text: str) -> None:
        self._sentences = sentences
        self._text: str | None = text

    def more(self) -> Intent | None:
        """Return the `Intent`, then None."""
        text, self._text = self._text, None
        return None if text is None else self._sentences.recognize(text)


def open_responder(*, house: House | None = None, custom_sentences: Sequence[Path] = ()) -> SentenceResponder:
    """Load the sentences of `house` (the shipped one); for a worker process, by name. Raises `EngineError`."""
    house = house or load_house()
    sentences = load_sentences(house, custom_sentences)
    sentences.alike = alike(house)
    return SentenceResponder(sentences)
