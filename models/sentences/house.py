"""The house: its language and units, its floors and areas, and what in it has a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from models.engine import EngineError
from models.sentences import document
from models.sentences.document import Value

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
    """What Home Assistant calls it, where that is spelt otherwise than it is said."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A storey."""

    name: str
    aliases: tuple[str, ...] = ()

    called: str = ""
    """What Home Assistant calls it, where that is spelt otherwise than it is said."""


@dataclass(frozen=True, slots=True)
class Name:
    """A thing that people call by name."""

    name: str
    domain: str
    """Home Assistant's kind of thing: light, switch, fan, cover, media_player, ..."""

    area: str | None = None
    aliases: tuple[str, ...] = ()

    called: str = ""
    """What Home Assistant calls it, where that is spelt otherwise than it is said."""


@dataclass(frozen=True, slots=True)
class House:
    """What the servers know of a house."""

    language: str = "en"
    units: Literal["metric", "imperial"] = "metric"
    clock: Literal[12, 24] = 12
    floors: tuple[Floor, ...] = field(default=())
    areas: tuple[Area, ...] = field(default=())
    names: tuple[Name, ...] = field(default=())


def load_house(path: Path | None = None) -> House:
    """Return the house described in `path`, or the shipped one.

    Raises `EngineError`, naming file and line, for anything that is not as in the shipped house.yaml.
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


def _places(value: Value, what: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names of places, each with its aliases."""
    taken: set[str] = set()
    for member in value.values(f"{what.split()[1]}s"):
        keys = member.mapping(what, _PLACE_KEYS)
        name = _required(member, keys, "name", what)
        yield _free(keys["name"], name, taken), _aliases(keys, taken)


def _names(value: Value, areas: tuple[Area, ...]) -> tuple[Name, ...]:
    taken: set[str] = set()
    rooms = {area.name for area in areas}
    names = []
    for member in value.values("names"):
        keys = member.mapping("a name", _NAME_KEYS)
        name = _required(member, keys, "name", "a name")
        domain = _required(member, keys, "domain", "a name")
        area = keys["area"].text("area") if "area" in keys else None
        if area is not None and area not in rooms:
            raise keys["area"].wrong(f"no area is called {area!r}; there are {', '.join(sorted(rooms)) or 'none'}")
        names.append(Name(_free(keys["name"], name, taken), domain, area, _aliases(keys, taken)))
    return tuple(names)


def _aliases(keys: dict[str, Value], taken: set[str]) -> tuple[str, ...]:
    if "aliases" not in keys:
        return ()
    return tuple(_free(alias, alias.text("an alias"), taken) for alias in keys["aliases"].values("aliases"))


def _required(member: Value, keys: dict[str, Value], key: str, what: str) -> str:
    if key not in keys:
        raise member.wrong(f"{what} needs `{key}: ...`")
    return keys[key].text(key)


def _free(value: Value, text: str, taken: set[str]) -> str:
    if text.casefold() in taken:
        raise value.wrong(f"{text!r} is called so twice")
    taken.add(text.casefold())
    return text
