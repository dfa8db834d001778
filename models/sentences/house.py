"""The house: its language and units, its floors and areas, and what in it has a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from models.engine import EngineError
from models.sentences import document
from models.sentences.document import Value
from models.sentences.naming import MOST_CHARACTERS, as_said, in_words

SHIPPED = Path(__file__).with_name("house.yaml")
"""The house that is described when nobody described theirs."""

LANGUAGES = ("en",)
"""Languages for which the house has sentences of its own (LANG.yaml beside this file)."""

_KEYS = frozenset({"language", "units", "clock", "floors", "areas", "names"})
_PLACE_KEYS = frozenset({"name", "aliases"})
_NAME_KEYS = frozenset({"name", "domain", "area", "aliases"})


@dataclass(frozen=True, slots=True)
class Area:
    """A room, or anything else that one can be in."""

    name: str
    aliases: tuple[str, ...] = ()

    called: str = ""
    """How it is written, where that is otherwise than it is said: what Home Assistant calls it."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A storey."""

    name: str
    aliases: tuple[str, ...] = ()

    called: str = ""
    """How it is written, where that is otherwise than it is said: what Home Assistant calls it."""


@dataclass(frozen=True, slots=True)
class Name:
    """A thing that people call by name."""

    name: str
    domain: str
    """Home Assistant's kind of thing: light, switch, fan, cover, media_player, ..."""

    area: str | None = None
    aliases: tuple[str, ...] = ()

    called: str = ""
    """How it is written, where that is otherwise than it is said: what Home Assistant calls it."""


@dataclass(frozen=True, slots=True)
class House:
    """What the servers know of a house."""

    language: str = "en"
    units: Literal["metric", "imperial"] = "metric"
    clock: Literal[12, 24] = 12
    floors: tuple[Floor, ...] = field(default=())
    areas: tuple[Area, ...] = field(default=())
    names: tuple[Name, ...] = field(default=())

    def area(self, text: str) -> str | None:
        """Return the name of the area that is called or written so, whatever its case; None where there is none."""
        wanted = in_words(text).casefold()
        for area in self.areas:
            if wanted in map(str.casefold, (area.name, *area.aliases)) or (
                area.called and in_words(area.called).casefold() == wanted
            ):
                return area.name
        return None


def load_house(path: Path | None = None) -> House:
    """Return the house described in `path`, or the shipped one.

    Names are spelt as they are said (`models.sentences.naming`). Raises `EngineError`, naming file and line, for
    anything that is not as in the shipped house.yaml.
    """
    path = path or SHIPPED
    root = document.read(path)
    if root is None:
        raise EngineError(f"{path}: empty; a house has at least an area, see {SHIPPED}")
    keys = root.mapping("a house", _KEYS)
    floors = tuple(Floor(*place) for place in _places(keys["floors"], "a floor")) if "floors" in keys else ()
    areas = tuple(Area(*place) for place in _places(keys["areas"], "an area")) if "areas" in keys else ()
    names = _names(keys["names"], areas) if "names" in keys else ()
    clock = keys["clock"].choice("clock", ("12", "24")) if "clock" in keys else "12"
    units = keys["units"].choice("units", ("metric", "imperial")) if "units" in keys else "metric"
    return House(
        language=keys["language"].choice("language", LANGUAGES) if "language" in keys else "en",
        units=cast(Literal["metric", "imperial"], units),
        clock=cast(Literal[12, 24], int(clock)),
        floors=floors,
        areas=areas,
        names=names,
    )


def _places(value: Value, what: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the names of places, each with its aliases, and how it is written."""
    taken: set[str] = set()
    for member in value.values(f"{what.split()[1]}s"):
        keys = member.mapping(what, _PLACE_KEYS)
        yield _called(member, keys, what, taken)


def _names(value: Value, areas: tuple[Area, ...]) -> tuple[Name, ...]:
    rooms = {area.name: area.name for area in areas} | {area.called: area.name for area in areas if area.called}
    taken: dict[str | None, set[str]] = {None: set()} | {area.name: set() for area in areas}
    names = []
    for member in value.values("names"):
        keys = member.mapping("a name", _NAME_KEYS)
        domain = _required(member, keys, "domain", "a name").text("domain")
        area = keys["area"].text("area") if "area" in keys else None
        if area is not None and area not in rooms:
            raise keys["area"].wrong(f"no area is called {area!r}; there are {', '.join(sorted(rooms)) or 'none'}")
        where = None if area is None else rooms[area]
        name, aliases, called = _called(member, keys, "a name", taken[where])
        names.append(Name(name, domain, where, aliases, called))
    return tuple(names)


def _called(member: Value, keys: dict[str, Value], what: str, taken: set[str]) -> tuple[str, tuple[str, ...], str]:
    """Return what something is called, its aliases, and how it is written; nothing else may be called so there."""
    values = [_required(member, keys, "name", what), *(keys["aliases"].values("aliases") if "aliases" in keys else ())]
    texts = [value.text("a name") for value in values]
    own = set()
    for value, text in zip(values, texts, strict=True):
        if len(text) > MOST_CHARACTERS:
            raise value.wrong(f"a name of {len(text)} characters, which nobody says; at most {MOST_CHARACTERS}")
        if not (way := in_words(text)):
            raise value.wrong(f"{text!r} has nothing that can be said; a name takes letters or figures")
        if way.casefold() in taken:
            raise value.wrong(f"{text!r} is called so twice" + (f", for both are said {way!r}" if way != text else ""))
        own.add(way.casefold())
    taken |= own
    told = as_said(texts)
    assert told is not None
    return told


def _required(member: Value, keys: dict[str, Value], key: str, what: str) -> Value:
    if key not in keys:
        raise member.wrong(f"{what} needs `{key}: ...`")
    return keys[key]
