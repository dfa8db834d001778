import json
import re

import pytest

from models.engine import Intent
from models.llama.calls import BEGIN, DOMAINS, END, Calls
from models.sentences.house import Area, House, Name, load_house
from wyoming_servers.skills import SKILLS


def written(name: str, /, **arguments: object) -> str:
    return f"{BEGIN}{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}{END}"


def test_what_is_called_is_what_a_skill_carries_out() -> None:
    names = [tool["function"]["name"] for tool in Calls(load_house()).tools]
    assert len(names) == len(set(names))
    assert set(names) <= set(SKILLS)


@pytest.mark.parametrize(
    ("call", "intent", "here"),
    [
        (written("HassTurnOn", domain="light"), Intent("HassTurnOn", {"domain": "light"}), True),
        (
            written("HassTurnOff", area="kitchen", domain="fan"),
            Intent("HassTurnOff", {"area": "kitchen", "domain": "fan"}),
            False,
        ),
        (
            written("HassTurnOn", name="coffee machine"),
            Intent("HassTurnOn", {"name": "coffee machine", "domain": "switch"}),
            False,
        ),
        (written("HassLightSet", brightness=40), Intent("HassLightSet", {"brightness": 40}), True),
        (written("HassSetVolume", volume_level=30), Intent("HassSetVolume", {"volume_level": 30}), False),
    ],
)
def test_a_call_is_read(call: str, intent: Intent, here: bool) -> None:
    for before in ("", "Sure.\n"):
        read = Calls(load_house()).read(before + call)
        assert read == intent
        assert read.here == here
        assert read.written == before + call


def test_of_things_of_one_name_it_says_the_kind_only_where_there_is_one() -> None:
    tv, plug, lamp = Name("TV", "media_player"), Name("TV", "switch"), Name("garage", "light")
    names = (tv, Name("garage", "cover"), plug, lamp)
    for calls in (Calls(House(names=names)), Calls(House(names=names[::-1]))):
        one = calls.read(written("HassTurnOn", name="garage"))
        assert (one.slots, one.things) == ({"name": "garage", "domain": "light"}, (lamp,))
        either = calls.read(written("HassTurnOn", name="TV"))
        assert (either.slots, set(either.things)) == ({"name": "TV"}, {tv, plug})
        assert '\\"TV\\"' in next(line for line in calls.grammar.splitlines() if line.startswith("player"))


def test_what_locks_guards_or_opens_the_house_cannot_be_named() -> None:
    kinds = ["lock", "alarm_control_panel", "cover", "valve", "light"]
    calls = Calls(House(names=tuple(Name(f"the {kind}", kind) for kind in kinds)))
    assert [kind for kind in kinds if f"the {kind}" in calls.grammar] == ["light"]
    assert not {"lock", "alarm_control_panel", "cover", "valve"} & DOMAINS


def test_a_house_without_names_or_areas() -> None:
    grammar = Calls(House()).grammar
    assert '\\"name\\": \\"' not in grammar.partition("\n")[2]
    assert "area" not in grammar


def test_degrees_are_the_houses() -> None:
    assert '"28"' in Calls(House()).grammar
    assert '"28"' not in Calls(House(units="imperial")).grammar
    assert "degrees Fahrenheit" in Calls(House(units="imperial")).told(by_template=False)


def test_names_stand_as_json_has_them() -> None:
    calls = Calls(House(areas=(Area('a "b" \\ c'),), names=(Name("läm\np 💡", "light"),)))
    assert r'"\"a \\\"b\\\" \\\\ c\""' in calls.grammar
    assert r'"\"läm\\np 💡\""' in calls.grammar


def test_the_system_prompt_names_each_function_once_and_shows_a_call() -> None:
    calls = Calls(load_house())
    told = calls.told(by_template=False)
    for tool in calls.tools:
        assert len(re.findall(rf"^{tool['function']['name']}\(", told, re.MULTILINE)) == 1
    assert written("HassTurnOn", domain="light") in told
    assert BEGIN not in calls.told(by_template=True)
