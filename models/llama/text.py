"""Tokens become words to say."""

from __future__ import annotations

import codecs
import unicodedata


class Saying:
    """What a model has said so far.

    A token may be a part of a character: nothing is said before the character is whole, and bytes that are no UTF-8
    or control characters never. White space at the beginning and the end is not said.
    """

    def __init__(self) -> None:
        self.text = ""
        """All of it."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._space = ""

    def add(self, data: bytes) -> str:
        """Take what a token stands for; return what can be said now, perhaps nothing."""
        text = self._space + "".join(char for char in self._decoder.decode(data) if not _is_control(char))
        if not self.text:
            text = text.lstrip()
        said = text.rstrip()
        self._space = text[len(said) :]
        self.text += said
        return said


def _is_control(char: str) -> bool:
    return unicodedata.category(char) == "Cc" and not char.isspace()
