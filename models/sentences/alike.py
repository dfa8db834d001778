"""Names that sound alike: who hears "the blew lamp" cannot tell it from the blue one, however it is written down."""

from __future__ import annotations

import importlib.util
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from models.sentences.house import House
from models.sentences.naming import some, words_of
from models.sentences.pronunciation import pronounce

_LOGGER = logging.getLogger(__name__)

_MOST_WAYS = 16
"""Ways to say one name that are looked at."""

_NAMED = 5
"""Pairs that a warning gives."""

Alike = Mapping[str, tuple[str, ...]]
"""By name (casefolded), the other names that sound the same."""


def alike(house: House) -> Alike:
    """Return which names of things sound like which others; two things, or two areas, that do are warned of.

    As American English is pronounced: by pocketsphinx' dictionary where it is installed, else by espeak-ng's rules, and
    without either nothing is known to sound alike.
    """
    things = {way.casefold(): thing.name for thing in house.names for way in (thing.name, *thing.aliases)}
    areas = {way.casefold(): area.name for area in house.areas for way in (area.name, *area.aliases)}
    sounds = _sounds([*things, *areas], house.language)
    groups = _groups(things, sounds)
    _warn("nobody hears which is meant, and only their rooms tell", things, groups)
    _warn("nobody hears in which it shall be", areas, _groups(areas, sounds))
    if rooms := list(_called_as_a_room(house)):
        _LOGGER.warning(
            "%s: one light of several in a room, called as all of them are, or nearly, and one of three times heard for"
            " the other. Give it another name",
            some(rooms),
        )
    return {name: tuple(other for other in group if other != name) for group in groups for name in group}


def _called_as_a_room(house: House) -> Iterator[str]:
    """Yield the names of lights such as "office light", in an office that has others."""
    in_area = Counter(name.area for name in house.names if name.domain == "light")
    for name in house.names:
        if name.area is not None and name.domain == "light" and in_area[name.area] > 1:
            rooms = (f"{name.area} {light}".casefold() for light in ("light", "lights", "lamp", "lamps"))
            if name.name.casefold() in rooms:
                yield name.name


def _warn(so: str, owners: Mapping[str, str], groups: Iterable[list[str]]) -> None:
    pairs = [" and ".join(map(repr, group)) for group in groups if len({owners[name] for name in group}) > 1]
    if pairs:
        more = f"; and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        _LOGGER.warning("%s sound alike: %s. Give one another name", "; ".join(pairs[:_NAMED]) + more, so)


def _groups(owners: Mapping[str, str], sounds: Mapping[str, set[str]]) -> list[list[str]]:
    """Return names that sound the same, two or more at a time."""
    by_sound: dict[str, list[str]] = defaultdict(list)
    for name in owners:
        for sound in sounds.get(name, ()):
            by_sound[sound].append(name)
    groups = (sorted(group) for group in by_sound.values() if len(group) > 1)
    return [list(group) for group in dict.fromkeys(map(tuple, groups))]


def _sounds(names: Iterable[str], language: str) -> dict[str, set[str]]:
    """Return how each name sounds, wherever its words begin and end: "ice cream" is "I scream"."""
    words = {name: words_of(name) for name in names}
    spec = importlib.util.find_spec("pocketsphinx")
    lexicon = None
    if spec is not None and spec.origin is not None:
        lexicon = Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"
    said, _ = pronounce({word for spoken in words.values() for word in spoken}, lexicon, language)
    sounds = {}
    for name, spoken in words.items():
        if all(word in said for word in spoken):
            ways = itertools.product(*(said[word] for word in spoken))
            sounds[name] = {" ".join(way) for way in itertools.islice(ways, _MOST_WAYS)}
    return sounds
