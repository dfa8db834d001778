"""What Home Assistant's registries say: floors, areas, the entities that Assist may use, and where devices are.

The shapes are those of Home Assistant 2026.11 (`homeassistant/helpers/entity_registry.py` and its neighbours). An
entity is called by the aliases that its owner wrote, among which None stands for its own name; before 2026 there was no
None, and the name always counted. Its own name is the `friendly_name` of its state. An entity without a registry entry,
from YAML, has that name alone. It is in its own area, or its device's; a device that is a part of another one and in no
area is in that one's.

Nothing of this is believed to have its type: what is not as it must be is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from models.sentences.house import Area, Floor, House, Name
from models.sentences.naming import as_said
from wyoming_servers.home_assistant.errors import CommandFailed
from wyoming_servers.home_assistant.socket import Socket

P = TypeVar("P", Area, Floor)

ASSISTANT = "conversation"
"""Home Assistant's name for Assist, for which entities are exposed."""

EVENTS = (
    "entity_registry_updated",
    "device_registry_updated",
    "area_registry_updated",
    "floor_registry_updated",
    "homeassistant_started",
)
"""After these the house may be another one; exposing an entity changes its registry entry."""

_MOST_ALIASES = 20

_AT_ONCE = 500
"""Registry entries asked for at once."""

_SATELLITES = "assist_satellite."
"""What the ids of entities that are satellites begin with."""


@dataclass(frozen=True, slots=True)
class Told:
    """What Home Assistant tells."""

    house: House

    rooms: Mapping[str, str] = field(default_factory=dict)
    """The area in which a device or a satellite is, by the device's or the entity's id."""


async def read_told(socket: Socket, house: House) -> Told:
    """Return `house` with the floors, areas and names that Home Assistant knows now, and its rooms.

    Raises `HassError`.
    """
    # An entity that nobody decided about is exposed or not by Home Assistant's own rules, which it applies when Assist
    # first looks for entities, and not before. So let it look.
    with suppress(CommandFailed):
        await socket.ask("conversation/prepare")
    exposed = _mapping(await socket.ask("homeassistant/expose_entity/list")).get("exposed_entities")
    ids = {entity for entity, assistants in _mapping(exposed).items() if _mapping(assistants).get(ASSISTANT) is True}
    states = await socket.ask("get_states")
    known = (str(state.get("entity_id")) for state in _objects(states))
    wanted = sorted(ids.union(entity for entity in known if entity.startswith(_SATELLITES)))
    entries: dict[str, Any] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        entries |= _mapping(await socket.ask("config/entity_registry/get_entries", entity_ids=some))
    devices = await socket.ask("config/device_registry/list")
    areas = await socket.ask("config/area_registry/list")
    floors = await socket.ask("config/floor_registry/list")
    return make_told(house, sorted(ids), entries=entries, states=states, devices=devices, areas=areas, floors=floors)


def make_told(
    house: House,
    exposed: Sequence[str],
    *,
    entries: object,
    states: object,
    devices: object,
    areas: object,
    floors: object,
) -> Told:
    """Return what the commands of `read_told` say; all names are spelt as they are said."""
    places = {str(area.get("area_id")): place for area in _objects(areas) if (place := _place(Area, area))}
    rooms = {device: places[area].name for device, area in _areas(devices) if area in places}
    friendly = {
        str(state.get("entity_id")): _mapping(state.get("attributes")).get("friendly_name")
        for state in _objects(states)
    }

    def room(entity: str) -> str | None:
        entry = _mapping(_mapping(entries).get(entity))
        own = places.get(str(entry.get("area_id")))
        return rooms.get(str(entry.get("device_id"))) if own is None else own.name

    names = []
    for entity in exposed:
        if entity not in friendly:
            continue  # it is not there now: disabled, or of an integration that is not loaded
        if (told := as_said(_names(_mapping(_mapping(entries).get(entity)), friendly[entity]))) is not None:
            name, aliases, called = told
            names.append(Name(name, entity.partition(".")[0], room(entity), aliases, called))
    satellites = {entity: there for entity in friendly if entity.startswith(_SATELLITES) and (there := room(entity))}
    known = replace(
        house,
        floors=tuple(storey for floor in _objects(floors) if (storey := _place(Floor, floor))),
        areas=tuple(places.values()),
        names=tuple(names),
    )
    return Told(known, rooms | satellites)


def _areas(devices: object) -> Iterator[tuple[str, str]]:
    """Yield the ids of devices that are in an area, each with that area's."""
    own = {str(device.get("id")): device.get("area_id") for device in _objects(devices)}
    for device in _objects(devices):
        known = str(device.get("id"))
        if area := own[known] or own.get(str(device.get("parent_device_id"))):
            yield known, str(area)


def _place(kind: type[P], place: dict[str, Any]) -> P | None:
    """Return an area or a floor; None where nothing of its name can be said."""
    told = as_said([place.get("name"), *_list(place, "aliases")[:_MOST_ALIASES]])
    return None if told is None else kind(*told)


def _names(entry: dict[str, Any], friendly: object) -> Iterator[object]:
    """Yield what an entity is called, the usual first."""
    aliases = _list(entry, "aliases")
    if None not in aliases:
        yield friendly
    for alias in aliases[:_MOST_ALIASES]:
        yield friendly if alias is None else alias


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (member for member in value if isinstance(member, dict)) if isinstance(value, list) else iter(())
