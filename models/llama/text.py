"""Tokens become words to say."""

from __future__ import annotations

import codecs
import unicodedata


class Saying:
    """What a model has said so far.

    A token may be a part of a character: nothing is said before the character is whole, and bytes that are no UTF-8
    or control characters never. White space at the beginning and the end is not said, nor is `mark`, with which
    something begins that is not to be said, nor what follows it; what may be the beginning of it waits for more.
    """

    def __init__(self, mark: str = "") -> None:
        self.text = ""
        """All of it."""
        self.marked = False
        """True as soon as the mark was there."""
        self._mark = mark
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._held = ""

    def add(self, data: bytes) -> str:
        """Take what a token stands for; return what can be said now, perhaps nothing."""
        text = self._held + "".join(char for char in self._decoder.decode(data) if not _is_control(char))
        if not self.text:
            text = text.lstrip()
        said = self._before_mark(text).rstrip()
        self._held = text[len(said) :]
        self.text += said
        return said

    def _before_mark(self, text: str) -> str:
        if not self._mark or (first := text.rfind(self._mark[0])) < 0:
            return text
        if self._mark in text:
            self.marked = True
            return text.partition(self._mark)[0]
        return text[:first] if self._mark.startswith(text[first:]) else text


def _is_control(char: str) -> bool:
    return unicodedata.category(char) == "Cc" and not char.isspace()
