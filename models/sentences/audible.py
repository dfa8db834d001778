"""What of a house a recognizer listens for: a grammar grows with every name, and text understands them all anyway.

On one core of a Sapphire Rapids server, with names of three to four words that share some of them, hearing takes 0.12
of the length of what is said with 100 names, 0.17 with 1,000 (3 s to make) and 0.31 with 5,000 (9 s). A Raspberry Pi
takes several times as long, and was not tried; 1,000 leaves it room.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from models.sentences.house import House, Name
from models.sentences.naming import some, words_of

_LOGGER = logging.getLogger(__name__)

MOST_NAMES = 1000
"""With the aliases."""

FIRST = ("light", "switch", "fan", "cover", "media_player", "climate")
"""Kinds of things that are talked to by name, those that are most; of sensors and the like no sentence tells."""

MOST_WORDS = 8
"""Of a name; nobody says more."""


def audible(house: House, most: int = MOST_NAMES) -> House:
    """Return `house` with at most so many names of things; what is left out is warned of.

    A name that several things have is one. Kinds of things come in the order of `FIRST`, and names before their
    aliases; otherwise it is the order of the house. Floors and areas are all kept: much is said by them alone.
    """
    short = [name for name in house.names if _is_short(name.name)]
    long = [name.name for name in house.names if not _is_short(name.name)]
    if long:
        _LOGGER.warning("%s: names of more than %d words are not listened for", some(long), MOST_WORDS)
    heard: set[str] = set()
    left_out: list[str] = []

    def is_heard(way: str) -> bool:
        key = way.casefold()
        if key not in heard and len(heard) >= most:
            left_out.append(way)
            return False
        heard.add(key)
        return True

    kept = [name for name in sorted(short, key=_rank) if is_heard(name.name)]
    names = [
        replace(name, aliases=tuple(alias for alias in name.aliases if _is_short(alias) and is_heard(alias)))
        for name in kept
    ]
    if left_out:
        _LOGGER.warning(
            "%s: more than the %d names that can be listened for; expose fewer things, or write to them",
            *(some(left_out), most),
        )
    return replace(house, names=tuple(names))


def _rank(name: Name) -> int:
    return FIRST.index(name.domain) if name.domain in FIRST else len(FIRST)


def _is_short(name: str) -> bool:
    return len(words_of(name)) <= MOST_WORDS
