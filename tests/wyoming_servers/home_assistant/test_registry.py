from __future__ import annotations

from typing import Any

from models.sentences.house import Area, Floor, House, Name
from models.sentences.library import load_sentences
from wyoming_servers.home_assistant.registry import Told, make_told

HOUSE = House(units="imperial", clock=24, names=(Name("shipped", "light"),))


def told_of(
    entries: dict[str, Any], friendly: dict[str, Any], unexposed: dict[str, Any] | None = None, **registries: Any
) -> Told:
    there = friendly | (unexposed or {})
    states = [{"entity_id": key, "attributes": {"friendly_name": name}} for key, name in there.items()]
    lists = {"devices": [], "areas": [], "floors": [], **registries}
    return make_told(HOUSE, list(friendly), entries=entries, states=states, **lists)


def house_of(entries: dict[str, Any], friendly: dict[str, Any], **registries: Any) -> House:
    return told_of(entries, friendly, **registries).house


def test_names_places_and_what_stays() -> None:
    house = house_of(
        {
            "light.a": {"area_id": "k", "device_id": "d", "aliases": [None, "counter light"]},
            "cover.b": {"area_id": None, "device_id": "d", "aliases": ["blind", None]},
            "switch.c": {"area_id": "gone", "device_id": "none", "aliases": []},  # from before 2026
            "fan.e": None,  # from YAML
        },
        {"light.a": "Kitchen Counter", "cover.b": "Kitchen Blind", "switch.c": "Pump", "fan.e": "Fan"},
        devices=[{"id": "d", "area_id": "l"}],
        areas=[
            {"area_id": "k", "name": "Kitchen", "aliases": ["Cookery"], "floor_id": "f"},
            {"area_id": "l", "name": "Living Room", "aliases": []},
        ],
        floors=[{"floor_id": "f", "name": "Ground floor", "aliases": ["downstairs"], "level": 0}],
    )
    assert (house.units, house.clock) == ("imperial", 24)
    assert house.names == (
        Name("Kitchen Counter", "light", "Kitchen", ("counter light",)),
        Name("blind", "cover", "Living Room", ("Kitchen Blind",)),
        Name("Pump", "switch"),
        Name("Fan", "fan"),
    )
    assert house.areas == (Area("Kitchen", ("Cookery",)), Area("Living Room"))
    assert house.floors == (Floor("Ground floor", ("downstairs",)),)


def test_the_rooms_of_devices_and_satellites() -> None:
    told = told_of(
        {
            "light.a": {"area_id": None, "device_id": "part", "aliases": [None]},
            "assist_satellite.own": {"area_id": "l", "device_id": "d"},
            "assist_satellite.device": {"area_id": None, "device_id": "d"},
            "assist_satellite.nowhere": {"area_id": None, "device_id": "moved"},
        },
        {"light.a": "Lamp"},
        dict.fromkeys(("assist_satellite.own", "assist_satellite.device", "assist_satellite.nowhere"), "Satellite"),
        devices=[
            {"id": "part", "area_id": None, "parent_device_id": "d"},
            {"id": "d", "area_id": "k"},
            {"id": "own part", "area_id": "l", "parent_device_id": "d"},
            {"id": "moved", "area_id": None, "parent_device_id": None},
            {"id": "lost", "area_id": "gone", "parent_device_id": "gone"},
        ],
        areas=[{"area_id": "k", "name": "Kitchen 🍳", "aliases": []}, {"area_id": "l", "name": "Living Room"}],
    )
    assert told.rooms == {
        "part": "Kitchen",
        "d": "Kitchen",
        "own part": "Living Room",
        "assist_satellite.own": "Living Room",
        "assist_satellite.device": "Kitchen",
    }
    assert told.house.names == (Name("Lamp", "light", "Kitchen"),)  # of satellites only the place is known


def test_an_own_name_that_its_owner_took_out_is_kept_as_home_assistant_of_old_had_no_way_to_say_so() -> None:
    assert house_of({"light.a": {"aliases": ["lamp"]}}, {"light.a": "WLED 7"}).names[0].aliases == ("lamp",)


def test_what_home_assistant_calls_it_is_kept_where_it_is_spelt_otherwise() -> None:
    house = house_of(
        {"light.a": {"area_id": "k", "aliases": [None]}},
        {"light.a": "💡 Desk Lamp"},
        areas=[{"area_id": "k", "name": "Küche 🍳", "aliases": []}],
    )
    assert house.names == (Name("Desk Lamp", "light", "Küche", (), "💡 Desk Lamp"),)
    assert house.areas == (Area("Küche", (), "Küche 🍳"),)


def test_nothing_of_a_name_nothing_twice() -> None:
    friendly: dict[str, Any] = {"light.a": "", "light.b": "🔥", "light.c": None, "light.d": "Lamp", "light.e": "lamp"}
    house = house_of({"light.d": {"aliases": [None, "LAMP", "", 7, None, "lamp "]}}, friendly)
    assert house.names == (Name("fire", "light", None, (), "🔥"), Name("Lamp", "light"), Name("lamp", "light"))


def test_whatever_it_says_it_fails_nobody() -> None:
    several: list[object]
    several = [
        [{"id": "a", "parent_device_id": []}, {"parent_device_id": "a"}],
        None,
        5,
        "x",
        [],
        {},
        [[]],
        [None],
        {"a": 1},
        [{"id": []}],
        [{"area_id": {}, "name": []}],
    ]
    for junk in several:
        assert (
            make_told(HOUSE, ["light.a"], entries=junk, states=junk, devices=junk, areas=junk, floors=junk).house.units
            == "imperial"
        )


def test_hard_names_are_sentences() -> None:
    friendly = {
        "light.a": "the time",
        "light.b": "x" * 255,
        "light.c": "(a|b) <the> {name}",
        "light.d": "リビング",
        "light.e": "all",
        "light.f": "💡 desk lamp",
    }
    sentences = load_sentences(house_of({}, friendly))
    for said, name in (("the time", "the time"), ("リビング", "リビング"), ("desk lamp", "desk lamp"), ("all", "all")):
        found = sentences.recognize(f"turn on {said}")
        assert found is not None
        assert found.slots["name"] == name
    found = sentences.recognize("what time is it")
    assert found is not None
    assert found.name == "HassGetCurrentTime"
