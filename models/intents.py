"""The embedded responder: what was said is looked up among the sentences of the house, by hassil.

It is pure Python, so it holds the interpreter's lock: 1 to 7 ms for a sentence, at most some 30 ms for the worst text
of the length that is looked at (see `models.sentences.library`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from models.engine import Cancelled, Exchange, Intent, Responder
from models.sentences.library import Sentences


class SentenceResponder(Responder):
    """Understands the sentences of the house, and nothing else."""

    name = "hassil"

    def __init__(self, sentences: Sentences) -> None:
        self.version = version("hassil")
        self.languages = [sentences.language]
        self._sentences = sentences

    def respond(self, text: str, history: Sequence[Exchange], cancelled: Cancelled) -> Iterator[Intent | str]:  # noqa: ARG002 - a sentence means the same whatever came before
        """Yield the `Intent` that `text` means, or nothing."""
        if not cancelled() and (intent := self._sentences.recognize(text)):
            yield intent
