from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.engine import Intent
from models.sentences.house import Area, House, Name
from wyoming_servers.skills.situation import Situation
from wyoming_servers.skills.talk import meant
from wyoming_servers.skills.things import chosen, question

ATTIC, CELLAR = Name("lamp", "light", "attic"), Name("lamp", "light", "cellar", (), "💡 Lamp")
BLUE, BLEW = Name("blue lamp", "light", "attic"), Name("blew lamp", "light", "cellar")
DOOR = Name("garage", "cover", "attic")
HOUSE = House(areas=(Area("attic", ("loft",)), Area("cellar")), names=(ATTIC, CELLAR, BLUE, BLEW, DOOR))


def turn_on(*things: Name, said: str = "", name: str = "HassTurnOn", **slots: Any) -> Intent:
    return Intent(name, {"name": said or things[0].name, **slots}, things=things)


def after(intent: Intent, area: str | None = None) -> tuple[dict[str, Any], str | None]:
    """Return the slots of what is done from a satellite in `area`, and what is asked instead."""
    intent = chosen(intent, Situation(area=area), HOUSE)
    return dict(intent.slots), question(intent)


def test_one_thing_needs_no_choice() -> None:
    assert after(turn_on(DOOR), "cellar") == ({"name": "garage"}, None)
    assert after(Intent("HassTurnOn", {"name": "stranger"}), "cellar") == ({"name": "stranger"}, None)
    assert after(Intent("HassTurnOn", {"area": "attic", "domain": "light"})) == (
        {"area": "attic", "domain": "light"},
        None,
    )


def test_the_room_that_is_named_before_the_one_where_it_is_said() -> None:
    assert after(turn_on(ATTIC, CELLAR, area="cellar"), "attic") == ({"name": "lamp", "area": "cellar"}, None)
    assert after(turn_on(ATTIC, CELLAR), "Loft") == ({"name": "lamp", "area": "attic"}, None)
    assert after(turn_on(ATTIC, CELLAR, area="hall"), "attic")[1] is None  # Home Assistant says that there is none


@pytest.mark.parametrize("area", [None, "hall"])
def test_it_is_asked_which_is_meant(area: str | None) -> None:
    slots, asked = after(turn_on(ATTIC, CELLAR), area)
    assert slots == {"name": "lamp"}
    assert asked == "Which lamp: in the attic or cellar?"
    many = [replace(ATTIC, area=f"room {number}") for number in range(9)]
    assert after(turn_on(*many), area)[1] == "Which lamp? In which room?"
    assert after(turn_on(ATTIC, replace(CELLAR, area=None)), area)[1] == "Which lamp? In which room?"


def test_the_answer_chooses() -> None:
    wish = chosen(turn_on(BLUE, BLEW), Situation(), HOUSE)
    answer = meant(Intent("HearthAlso", {"area": "cellar"}), wish)
    assert after(answer, "attic") == ({"name": "blew lamp", "area": "cellar"}, None)
    again = meant(Intent("HearthAlso", {"area": "attic"}), chosen(answer, Situation(), HOUSE))
    assert after(again) == ({"name": "blue lamp", "area": "attic"}, None)


def test_what_sounds_alike_is_chosen_by_the_room() -> None:
    assert after(turn_on(BLUE, BLEW), "cellar") == ({"name": "blew lamp", "area": "cellar"}, None)
    assert after(turn_on(BLUE, BLEW))[1] == "Which blue lamp: in the attic or cellar?"


def test_what_no_room_tells_apart_is_left_alone() -> None:
    here = replace(BLEW, area="attic")
    assert after(turn_on(BLUE, here), "attic")[1] == (
        "The blew lamp and the blue lamp in the attic sound alike to me. Please give one another name."
    )
    nowhere = replace(ATTIC, area=None)
    assert after(turn_on(nowhere, replace(nowhere, domain="switch")), "attic")[1] == (
        "There are several things called lamp. Please give them names of their own."
    )


def test_what_a_language_model_calls_is_looked_up() -> None:
    called = Intent("HassTurnOn", {"name": "lamp", "domain": "light"}, written="...")
    assert after(called, "cellar") == ({"name": "lamp", "domain": "light", "area": "cellar"}, None)
    assert after(called)[1] == "Which lamp: in the attic or cellar?"


def test_home_assistant_is_told_whether_it_is_the_lamp_or_the_door() -> None:
    house = replace(HOUSE, names=(DOOR, Name("garage", "light", "attic")))
    slots = chosen(turn_on(DOOR), Situation(), house).slots
    assert slots == {"name": "garage", "domain": "cover"}
    slots = chosen(turn_on(DOOR, name="HassSetPosition", position=5), Situation(), house).slots
    assert slots == {"name": "garage", "position": 5}
