"""Every intent of the house has a skill, and a skill's English can be said."""

from typing import Any

from models.sentences.house import load_house
from models.sentences.library import load_sentences
from tests.wyoming_servers.skills.requests import ask
from wyoming_servers.skills import SKILLS

_CONTEXTS: list[dict[str, Any]] = [{}, {"actions": None}, {"timers": [], "volume": 5, "sightings": []}]


def test_every_intent_has_a_skill_and_every_skill_an_intent() -> None:
    assert set(load_sentences(load_house()).intent_names) == set(SKILLS)


def test_an_action_has_an_id_of_its_own() -> None:
    one, two = (ask("HearthStop").actions[0].to_dict() for _ in range(2))
    assert one["name"] == "stop"
    assert one["data"] == {}
    assert one["id"] != two["id"]


def test_no_skill_fails_for_want_of_slots_or_for_odd_ones() -> None:
    odd: dict[str, Any] = {
        "area": 5,
        "name": ["x"],
        "left": "x",
        "right": None,
        "operation": {},
        "minutes": "y",
        "volume_step": "z",
    }
    odd |= {"volume_level": "w", "domain": 7, "device_class": 1.5, "object": []}
    for intent in SKILLS:
        for slots in ({}, odd):
            for context in _CONTEXTS:
                assert isinstance(ask(intent, slots, **context).text, str)
