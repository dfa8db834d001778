"""Text cut into clauses fit for speaking, while it is still being written.

A clause ends at a mark of any of the world's punctuations, but not at the dot of an abbreviation, an initial or a
number: "3.5", "5:30", "1,000" and "Dr. Ito" stay whole. Each clause keeps its mark, which tells the voice how to say
it and how long to pause. How the text was handed over, letter by letter or at once, makes no difference.
"""
# ruff: noqa: RUF001, SIM905 - the world's marks look alike; lists of words read best as words

from __future__ import annotations

import re
import unicodedata

MAX_CLAUSE = 160
"""Characters. Without a mark for so long, text is cut at a space: about 10 seconds of speech."""

_WINDOW = MAX_CLAUSE + 50
"""Characters looked at for one clause: a mark, closing quotes and what follows them fit behind the longest."""

_CLOSING = "[\"')\\]}»›”’」』）】]"
_MARKS = "[.!?…,;:]"
_WIDE_MARKS = "[。！？؟،؛।॥۔、；｡､，．：]"

_BOUNDARY = re.compile(
    rf"""
      (?<!{_MARKS}) (?P<dot>\.) {_CLOSING}*+ (?=\s)    # a lone dot: see _goes_on
    | (?<!{_MARKS}) {_MARKS}++ {_CLOSING}*+ (?=\s)     # white space must follow: not in 3.5, 5:30, a.b
    | (?<!\d) {_WIDE_MARKS}++ {_CLOSING}*+ (?=.|\n)    # these need no space, but ３．５ is a number
    | (?<!\d) [^\S\n] [—–]++ (?=\s)                   # a dash between words; between numbers it is a minus
    | \n
    """,
    re.VERBOSE,
)
_LAST_WORD = re.compile(r"[^\W_](?:[\w.]{0,30}\w)?$")
_SPACE = re.compile(r"(?<!\d)[ \t]+|[ \t]+(?!\d)")

_ABBREVIATIONS = frozenset(
    # English, then what else is met in German, French, Spanish, Italian and Dutch
    "mr mrs ms dr prof st jr sr vs etc approx dept inc ltd mt ave capt rev hon "
    "bzw usw evtl ggf inkl ca str hr fr mme mlle mm sra srta ud uds sig dott dhr mevr bijv".split()
)
_BEFORE_NUMBERS = frozenset(
    "no nr fig vol p pp art ch sec tel jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
"""Words too, so their dot is an abbreviation's only where a number follows ("No. 5", but "No. I will not")."""

_ORDINAL_LANGUAGES = frozenset("cs da de et fi fo hr hu is lb lv nb nn no pl sk sl sr tr".split())
"""Where "3." is how "third" is written."""


class Clauses:
    """Cuts a stream of text into clauses. `language` is a BCP 47 code, for what a dot after a number means."""

    def __init__(self, language: str = "en") -> None:
        self._ordinals = language.lower().replace("_", "-").split("-")[0] in _ORDINAL_LANGUAGES
        self._text = ""

    def add(self, text: str) -> list[str]:
        """Return the clauses that `text` completes, unchanged but for white space around them.

        A clause of nothing but punctuation is left out.
        """
        text = self._text + text
        clauses, start = [], 0
        while length := self._length(text[start : start + _WINDOW]):
            clauses.append(text[start : start + length].strip())
            start += length
        self._text = text[start:]
        return [clause for clause in clauses if _speakable(clause)]

    def flush(self) -> list[str]:
        """Return what is left: the text is over, and the next `add` begins another."""
        return self.add("\n")

    def _length(self, text: str) -> int:
        """How long the first clause is, or 0 while that cannot be said."""
        for mark in _BOUNDARY.finditer(text):
            if mark.start() >= MAX_CLAUSE:
                break
            goes_on = self._goes_on(text, mark) if mark["dot"] else False
            if goes_on is None:
                break
            if not goes_on:
                return mark.end()
        return _cut(text) if len(text) > MAX_CLAUSE else 0

    def _goes_on(self, text: str, mark: re.Match[str]) -> bool | None:
        """Whether the sentence goes on after this dot; None while the next character must be awaited."""
        found = _LAST_WORD.search(text, 0, mark.start())
        if found is None:
            return False
        word = found[0].lower()
        if word.isdecimal():
            return self._ordinals and len(word) <= 2
        if word in _BEFORE_NUMBERS:
            rest = text[mark.end() :].lstrip(" ")
            return rest[0].isdecimal() if rest else None
        initial = len(word) == 1 and word.isalpha() and found[0] != "I"
        return initial or "." in word or word in _ABBREVIATIONS


def _cut(text: str) -> int:
    """Where to cut text that has no mark for too long: at its last space, else beside a number, else anywhere."""
    spaces = [space.end() for space in _SPACE.finditer(text, 1, MAX_CLAUSE)]
    if spaces:
        return spaces[-1]
    end = MAX_CLAUSE
    while end and text[end - 1].isdecimal() and text[end].isdecimal():
        end -= 1
    return end or MAX_CLAUSE


def _speakable(text: str) -> bool:
    """Whether there is a letter, a digit or a symbol in it."""
    return any(character.isalnum() or unicodedata.category(character)[0] == "S" for character in text)
