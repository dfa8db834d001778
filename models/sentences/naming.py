"""Names as people write them, as they are said: one way for those of house.yaml and for Home Assistant's.

A text is written in the same way before it is looked up, so that a name is found as it is said and as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

MOST_CHARACTERS = 255
"""Of a name, as in Home Assistant."""

_MOST_PICTURES = 3
"""Of a name that is nothing else: nobody says more."""

_KEPT = frozenset("'’%°&+½¼")  # noqa: RUF001
"""Signs that are said, or stand in words."""

_PASSED_OVER = str.maketrans("", "", ".。,，?¿!¡;；:：")  # noqa: RUF001

_MINUS = re.compile(r"(?<!\S)[-−–]\s?\d")  # noqa: RUF001

_JOINING = frozenset("\u200d\ufe0e\ufe0f")
"""They only join or colour an emoji."""


def spelt_out(name: str) -> str:
    """Return a name without what nobody says: emoji, brackets, lines; "" where nothing is left.

    Letters and figures in other shapes (raised, in bold, in a circle, a Roman four) become the plain ones.
    """
    kept = "".join(_plain(sign) for sign in unicodedata.normalize("NFC", name) if sign not in _JOINING)
    words = unicodedata.normalize("NFC", kept).split()
    return " ".join(word for word in words if any(map(str.isalnum, word)))


def _plain(sign: str) -> str:
    if sign in _KEPT:
        return sign
    if sign.isalnum():
        return unicodedata.normalize("NFKC", sign)
    return sign if unicodedata.category(sign) in ("Mn", "Mc") else " "


def in_words(name: str) -> str:
    """Return `spelt_out`, and where nothing is left what Unicode calls the pictures: "electric light bulb" for 💡."""
    return spelt_out(name) or spelt_out(" ".join(_pictures(name)[:_MOST_PICTURES]))


def readings(text: str) -> list[str]:
    """Return the other ways to read a text in which there is what nobody says, and hassil does not pass over.

    A minus is said: without it, -20 would be 20.
    """
    if _MINUS.search(text):
        return []
    plain = " ".join(text.translate(_PASSED_OVER).split())
    named = " ".join(word if spelt_out(word) else in_words(word) for word in text.split())
    return [way for way in dict.fromkeys((spelt_out(text), spelt_out(named))) if way and way != plain]


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case, as they are listened for: hyphens and underscores are spaces."""
    return re.findall(r"[^\s_-]+", name.lower())


def some(names: Sequence[str], most: int = 5) -> str:
    """Return names as a warning gives them: "'a', 'b' and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:60]) for name in names[:most]) + more


def as_said(names: Iterable[object]) -> tuple[str, tuple[str, ...], str] | None:
    """Return what a thing of these `names` (the usual first) is called, its aliases, and the usual one as written.

    What is no text is passed over; None where nothing can be said. A name of pictures alone comes after those in words.
    The last is "" where it is written as it is said.
    """
    texts = (name.strip()[:MOST_CHARACTERS] for name in names if isinstance(name, str))
    written = [text for text in texts if in_words(text)]
    if not written:
        return None
    ways = [in_words(name) for name in sorted(written, key=lambda name: not spelt_out(name))]
    once: dict[str, str] = {}
    for way in ways:
        once.setdefault(way.casefold(), way)
    first, *others = once.values()
    return first, tuple(others), "" if written[0] == first else written[0]


def _pictures(name: str) -> list[str]:
    signs = dict.fromkeys(sign for sign in name if unicodedata.category(sign) == "So")
    return [unicodedata.name(sign, "").lower() for sign in signs]
