from dataclasses import replace
from typing import Any

import pytest

from models.engine import Intent
from models.sentences.house import Area, House, Name
from tests.wyoming_servers.skills.requests import NOW, ask, said
from wyoming_servers.skills import Answer, Request, carry_out
from wyoming_servers.skills.situation import Situation


@pytest.mark.parametrize(
    ("intent", "slots", "wish", "noun"),
    [
        ("HassTurnOn", {"area": "office", "domain": "light"}, "turn on the lights in the office", "light"),
        ("HassTurnOff", {"domain": "light"}, "turn off the lights", "light"),
        ("HassTurnOn", {"name": "television"}, "turn on the television", "player"),
        ("HassTurnOn", {"name": "curtains", "area": "living room"}, "open the curtains in the living room", "cover"),
        ("HassTurnOff", {"device_class": "blind", "domain": "cover"}, "close the blinds", "cover"),
        ("HassTurnOn", {"name": "something else"}, "turn on the something else", "device"),
        ("HassLightSet", {"area": "office", "brightness": 20}, "set the lights in the office to 20 percent", "light"),
        ("HassLightSet", {"name": "desk lamp", "color": "red"}, "make the desk lamp red", "light"),
        ("HassLightSet", {"name": "desk lamp", "temperature": 2700}, "set the desk lamp to 2700 kelvin", "light"),
        ("HassFanSetSpeed", {"percentage": 30}, "set the fans to 30 percent", "fan"),
        ("HassSetPosition", {"name": "curtains", "position": 5}, "set the curtains to 5 percent", "cover"),
        (
            "HassClimateSetTemperature",
            {"area": "kitchen", "temperature": 21},
            "set the temperature in the kitchen to 21 degrees Celsius",
            "thermostat",
        ),
    ],
)
def test_understood_and_not_claimed_to_be_done(intent: str, slots: dict[str, Any], wish: str, noun: str) -> None:
    assert said(intent, slots) == f"I understood: {wish}. But no {noun} is connected to me yet."


def test_what_home_assistant_is_to_do() -> None:
    answer = ask("HassTurnOn", {"area": "office", "domain": "light"}, response="Turned on the lights", actions=None)
    assert answer == Answer("Turned on the lights", wanted=Intent("HassTurnOn", {"area": "office", "domain": "light"}))
    assert ask("OrderDrink", {"size": "small"}, actions=None) == Answer(
        "Done.", wanted=Intent("OrderDrink", {"size": "small"})
    )


@pytest.mark.parametrize("other_first", [True, False])
def test_a_thing_is_named_as_it_is_written_and_not_as_another_that_is_called_alike(other_first: bool) -> None:
    """Home Assistant would find no cover of the lamp's name."""
    door, lamp = Name("garage", "cover", "hall"), Name("garage", "light", "hall", (), "Garage 💡")
    house = House(areas=(Area("hall"),), names=(lamp, door) if other_first else (door, lamp))
    for thing, name in ((door, "garage"), (lamp, "Garage 💡")):
        intent = Intent("HassTurnOn", {"name": "garage", "domain": thing.domain}, things=(thing,))
        for wanted in (intent, replace(intent, things=())):
            answer = carry_out(Request(wanted, Situation(), house, NOW, None))
            assert answer.wanted == Intent("HassTurnOn", {"name": name, "domain": thing.domain})


def test_where_it_was_said() -> None:
    lights = {"domain": "light"}
    assert said("HassTurnOn", lights, here=True, actions=None) == "In which room?"
    asked = ask("HassTurnOn", lights, here=True, actions=None, area="kitchen")
    assert asked.wanted == Intent("HassTurnOn", {"domain": "light", "area": "kitchen"})
    asked = ask("HassTurnOn", {"area": "office"}, here=True, actions=None, area="kitchen")
    assert asked.wanted == Intent("HassTurnOn", {"area": "office"})


def test_units() -> None:
    text = said("HassClimateSetTemperature", {"temperature": 70}, house=House(units="imperial"))
    assert "70 degrees Fahrenheit" in text


def test_an_intent_of_the_users_own() -> None:
    assert said("OrderDrink", {"size": "small", "coffee_drink": "mocha"}) == (
        "I understood OrderDrink, with size small and coffee drink mocha. "
        "But nothing that does this is connected to me yet."
    )
    assert said("Wave") == "I understood Wave. But nothing that does this is connected to me yet."
