"""What of a house a recognizer listens for: a grammar grows with every name, and text understands them all anyway.

On one core of a Sapphire Rapids server, with names of three to four words that share some of them, hearing takes 0.12
of the length of what is said with 100 names, 0.17 with 1,000 (3 s to make) and 0.31 with 5,000 (9 s). A Raspberry Pi
takes several times as long, and was not tried; 1,000 leaves it room.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from models.sentences.house import House

_LOGGER = logging.getLogger(__name__)

MOST_NAMES = 1000
"""With the aliases."""

MOST_WORDS = 8
"""Of a name; nobody says more."""

_NAMED = 5
"""Names that a warning gives."""


def audible(house: House, most: int = MOST_NAMES) -> House:
    """Return `house` with at most so many names of things; what is left out is warned of.

    Lights come first and names before their aliases; otherwise it is the order of the house.
    """
    short = [name for name in house.names if _is_short(name.name)]
    long = [name.name for name in house.names if not _is_short(name.name)]
    if long:
        _LOGGER.warning("%s: names of more than %d words are not listened for", _some(long), MOST_WORDS)
    short.sort(key=lambda name: name.domain != "light")
    kept, left_out = short[:most], [name.name for name in short[most:]]
    room = most - len(kept)
    names = []
    for name in kept:
        aliases = tuple(alias for alias in name.aliases if _is_short(alias))
        left_out += aliases[room:]
        names.append(replace(name, aliases=aliases[:room]))
        room -= len(names[-1].aliases)
    if left_out:
        _LOGGER.warning(
            "%s: more than the %d names that can be listened for; expose fewer things, or write to them",
            *(_some(left_out), most),
        )
    return replace(house, names=tuple(names))


def _is_short(name: str) -> bool:
    return len(name.replace("-", " ").replace("_", " ").split()) <= MOST_WORDS


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name[:60]) for name in names[:_NAMED]) + more
