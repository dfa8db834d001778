"""How words are pronounced, in ARPAbet.

The dictionary is the one that comes with pocketsphinx' acoustic model (CMU's, 134,000 words of American English). A
word that it lacks is looked for in this order: figures and signs are spelled out ("50%" is "fifty percent"); what is
left without a final "'s" or "s" is looked up; espeak-ng is asked, where espeakng-loader is installed, unless it is in
another script; two words of the dictionary that make it up ("skylight") are put together.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

Pronunciations = Mapping[str, list[str]]
"""By word, the ways to say it: phonemes separated by spaces."""

_SIGNS = {
    "%": "percent",
    "°": "degrees",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "€": "euros",
    "$": "dollars",
    "£": "pounds",
    "½": "half",
    "¼": "quarter",
}
_HALVES = {"1/2": "half", "1/4": "quarter", "3/4": "three quarters"}
_MOST_WAYS = 4
"""Of one word made of several."""

_SHORTEST_PART = 3
"""Letters of a part of a compound; "hear" + "th" is no "hearth"."""

_ESPEAK_S = 20.0


def spoken(token: str, language: str = "en") -> tuple[str, ...]:
    """Return what is said for a token of a sentence: ("fifty", "percent") for "50%", most tokens as they are."""
    if token in _HALVES:
        return tuple(_HALVES[token].split())
    words: list[str] = []
    for part in re.findall(r"\d+(?:[.,]\d+)?|[%°&+=@€$£½¼]|[^\d%°&+=@€$£½¼]+", token):
        if part[0].isdigit():
            words += _number(part, language)
        else:
            words.append(_SIGNS.get(part, part.strip('.,?!;:"')))
    return tuple(word for word in words if word)


def pronounce(tokens: Iterable[str], dictionary: Path | None, language: str = "en") -> tuple[Pronunciations, list[str]]:
    """Return how `tokens` are pronounced, and those of which nobody knows.

    `dictionary` is a file of lines "word P H O N E S", further ways to say a word being called "word(2)"; None: without
    one all words are espeak-ng's matter.
    """
    parts = {token: spoken(token, language) for token in tokens}
    words = {word for said in parts.values() for word in said}
    lexicon = _Lexicon(dictionary)
    known = {word: ways for word in words if (ways := lexicon.ways(word))}
    known.update(_espeak(sorted(word for word in words - known.keys() if _is_latin(word))))
    known.update({word: ways for word in words - known.keys() if (ways := lexicon.compound(word))})
    said = {}
    for token, needed in parts.items():
        if needed and all(word in known for word in needed):
            together = itertools.product(*(known[word] for word in needed))
            said[token] = [" ".join(way) for way in itertools.islice(together, _MOST_WAYS)]
    return said, sorted(parts.keys() - said.keys())


def _is_latin(word: str) -> bool:
    """Tell whether a word has only letters that English reads; of others espeak-ng would say "Chinese letter"."""
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in word if sign.isalpha())


class _Lexicon:
    """A dictionary file."""

    def __init__(self, path: Path | None) -> None:
        self._ways: dict[str, list[str]] = {}
        if path is None:
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                word, _, phonemes = line.strip().partition(" ")
                self._ways.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phonemes)

    def ways(self, word: str) -> list[str]:
        """Return how `word`, or what it is the plural or the genitive of, is said."""
        if word in self._ways:
            return self._ways[word]
        if (plain := word.replace(".", "").replace("'", "")) in self._ways:
            return self._ways[plain]
        for ending in ("'s", "s'", "s"):
            if word.endswith(ending) and (stem := word.removesuffix(ending)) in self._ways:
                return [f"{way} {_plural(way)}" for way in self._ways[stem]]
        return []

    def compound(self, word: str) -> list[str]:
        """Return how `word` is said if it is two words in one, the first one as long as can be."""
        for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            first, second = self._ways.get(word[:cut]), self.ways(word[cut:])
            if first and second:
                return [f"{first[0]} {second[0]}"]
        return []


def _plural(way: str) -> str:
    """Return how an "s" sounds after the phonemes `way`."""
    last = way.rpartition(" ")[2]
    if last in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return "IH Z"
    return "S" if last in ("P", "T", "K", "F", "TH") else "Z"


def _number(figures: str, language: str) -> list[str]:
    from hassil.numbers import get_rbnf_engine

    number = float(figures.replace(",", "."))
    text = get_rbnf_engine(language).format_number(int(number) if number.is_integer() else number).text
    return str(text).replace("-", " ").split()


def _espeak(words: list[str]) -> dict[str, list[str]]:
    """Return what espeak-ng says to `words`; nothing where it is not installed or fails."""
    if not words:
        return {}
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-m", "models.phonemes", *words],
            capture_output=True,
            check=True,
            timeout=_ESPEAK_S,
            text=True,
        )
        return {word: [phonemes] for word, phonemes in json.loads(asked.stdout).items()}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
