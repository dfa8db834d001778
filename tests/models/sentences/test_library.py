import itertools
import json
from pathlib import Path

import pytest

from models.engine import EngineError, Intent
from models.sentences.house import Area, House, Name, load_house
from models.sentences.library import MAX_CHARACTERS, MAX_WORDS, Sentences, load_sentences
from models.sentences.naming import as_said


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    return load_sentences(load_house())


def custom(folder: Path, text: str, house: House | None = None) -> Sentences:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_sentences(house or load_house(), [folder])


@pytest.mark.parametrize(
    ("said", "intent", "slots"),
    [
        ("turn on the office lights", "HassTurnOn", {"area": "office", "domain": "light"}),
        ("Turn on the lights in the study, please.", "HassTurnOn", {"area": "office", "domain": "light"}),
        ("turn on the lights", "HassTurnOn", {"domain": "light"}),
        ("turn all lights off", "HassTurnOff", {"domain": "light"}),
        ("turn on the tv", "HassTurnOn", {"name": "television"}),
        ("open the curtains", "HassTurnOn", {"name": "curtains"}),
        ("set the office brightness to twenty one percent", "HassLightSet", {"brightness": 21}),
        ("set the kitchen lights to red", "HassLightSet", {"color": "red"}),
        ("set the ceiling fan speed to fifty percent", "HassFanSetSpeed", {"percentage": 50}),
        ("what time is it", "HassGetCurrentTime", {}),
        ("what is today's date", "HassGetCurrentDate", {}),
        ("what day is it", "HearthGetDay", {}),
        ("set a timer for five minutes", "HassStartTimer", {"minutes": 5}),
        ("set a ten minute pizza timer", "HassStartTimer", {"minutes": 10, "name": "pizza"}),
        ("set a timer for one and a half hours", "HassStartTimer", {"hours": 1, "minutes": 30}),
        ("set a timer for an hour", "HassStartTimer", {"hours": 1}),
        ("remind me in two minutes and thirty seconds", "HassStartTimer", {"minutes": 2, "seconds": 30}),
        ("set a five minute timer named aunt agatha", "HassStartTimer", {"minutes": 5, "name": "aunt agatha"}),
        ("how much time is left", "HassTimerStatus", {}),
        ("how much time is left on the pizza timer", "HassTimerStatus", {"name": "pizza"}),
        ("cancel the timer", "HassCancelTimer", {}),
        ("pause the pizza timer", "HassPauseTimer", {"name": "pizza"}),
        ("resume my timer", "HassUnpauseTimer", {}),
        ("add five minutes", "HassIncreaseTimer", {"minutes": 5}),
        ("add another minute to the pizza timer", "HassIncreaseTimer", {"minutes": 1, "name": "pizza"}),
        ("take two minutes off the timer", "HassDecreaseTimer", {"minutes": 2}),
        ("is the desk lamp on", "HassGetState", {"name": "desk lamp", "state": "on"}),
        ("are any lights on in the kitchen", "HassGetState", {"area": "kitchen", "domain": "light", "state": "on"}),
        ("are the lights on", "HassGetState", {"domain": "light", "state": "on"}),
        ("is the kitchen light on", "HassGetState", {"area": "kitchen", "domain": "light", "state": "on"}),
        ("which lights are off", "HassGetState", {"domain": "light", "state": "off"}),
        ("cancel the five minute timer", "HassCancelTimer", {"start_minutes": 5}),
        ("cancel all timers", "HassCancelAllTimers", {}),
        ("set the volume to one hundred percent", "HassSetVolume", {"volume_level": 100}),
        ("volume thirty percent", "HassSetVolume", {"volume_level": 30}),
        ("louder", "HassSetVolumeRelative", {"volume_step": "up"}),
        ("never mind", "HassNevermind", {}),
        ("stop", "HearthStop", {}),
        ("say that again", "HearthRepeat", {}),
        ("what do you see", "HearthLook", {}),
        ("is there anybody there", "HearthLook", {"object": "person"}),
        ("and in the kitchen", "HearthAlso", {"area": "kitchen"}),
        ("two plus two", "HearthCalculate", {"left": 2, "operation": "plus", "right": 2}),
        ("what is one hundred and five times a hundred", "HearthCalculate", {"left": 105, "right": 100}),
        ("what is ten percent of two hundred", "HearthCalculate", {"operation": "percent of"}),
        ("good morning", "HearthGreet", {"greeting": "hello"}),
        ("what can you do", "HearthHelp", {}),
    ],
)
def test_what_is_understood(sentences: Sentences, said: str, intent: str, slots: dict[str, object]) -> None:
    found = sentences.recognize(said)
    assert found is not None
    assert found.name == intent
    assert slots.items() <= found.slots.items()


def test_slots_are_exact(sentences: Sentences) -> None:
    assert sentences.recognize("turn on the office lights") == Intent(
        "HassTurnOn", {"area": "office", "domain": "light"}
    )
    assert sentences.recognize("what time is it") == Intent("HassGetCurrentTime", {})


@pytest.mark.parametrize(
    ("said", "response", "here"),
    [
        ("turn on the office lights", "Turned on the lights", False),
        ("turn on the lights", "Turned on the lights", True),
        ("open the curtains", "Opening", False),
        ("make the kitchen lights red", "Color set", False),
        ("dim the lights to ten percent", "Brightness set", True),
        ("cancel the timer", "Timer cancelled", False),
        ("what do you see", "", False),
    ],
)
def test_what_is_said_when_it_is_done(sentences: Sentences, said: str, response: str, *, here: bool) -> None:
    found = sentences.recognize(said)
    assert found is not None
    assert (found.response, found.here) == (response, here)


@pytest.mark.parametrize(
    "said", ["", "the whale was white", "radio", "turn on the lights in the cellar", "lock the door"]
)
def test_what_is_not_understood(sentences: Sentences, said: str) -> None:
    assert sentences.recognize(said) is None


def test_numbers_keep_their_sign_whatever_was_said_before() -> None:
    for order in (1, -1):
        sentences = load_sentences(load_house())
        said = [("turn the volume down by twenty percent", -20), ("turn the volume up by twenty percent", 20)][::order]
        for text, step in said:
            found = sentences.recognize(text)
            assert found is not None
            assert found.slots["volume_step"] == step


def test_long_text_is_not_looked_at(sentences: Sentences) -> None:
    assert sentences.recognize("please " * (MAX_WORDS - 1) + "stop") is not None
    assert sentences.recognize("please " * MAX_WORDS + "stop") is None
    assert sentences.recognize("set a five minute timer named " + "a" * MAX_CHARACTERS) is None


def test_every_coffee_order_has_exactly_its_slots(shared: Path) -> None:
    folder = shared / "media" / "coffee"
    sentences = load_sentences(load_house(), [folder])
    labels = json.loads((folder / "labels.json").read_text())
    assert len(labels) == 100
    orders = itertools.cycle(itertools.permutations(("size", "roast", "number_of_shots")))
    leads = itertools.cycle(["", "can I have a", "I'd like", "make me a", "I want an", "may I have a"])
    for slots in labels.values():
        drink = [slots[slot] for slot in next(orders) if slot in slots]
        extras = [slots[slot] for slot in ("milk_amount", "sugar_amount") if slot in slots]
        added = "with " + " and ".join(extras) if extras else ""
        said = " ".join([next(leads), *drink, slots["coffee_drink"], added])
        assert sentences.recognize(said) == Intent("OrderDrink", slots), said


MINE = """
language: en
intents:
  FeedCat:
    data:
      - sentences: ["feed [the] {cat} <how_much>", "what time is it"]
        slots: {kind: pet}
expansion_rules:
  how_much: "(a little|a lot) [please]"
lists:
  cat:
    values:
      - tom
      - {in: "(the fat|old) one", out: garfield}
      - "mr[s] whiskers"
  note: {wildcard: true, examples: [one, two]}
responses:
  intents:
    FeedCat: {default: "Fed."}
"""


def test_the_users_sentences(tmp_path: Path) -> None:
    sentences = custom(tmp_path, MINE)
    assert sentences.recognize("feed tom a lot") == Intent("FeedCat", {"cat": "tom", "kind": "pet"})
    assert sentences.recognize("feed old one a little") == Intent("FeedCat", {"cat": "garfield", "kind": "pet"})
    assert sentences.recognize("feed mrs whiskers a lot") == Intent("FeedCat", {"cat": "mrs whiskers", "kind": "pet"})
    assert sentences.custom_intents == {"FeedCat"}
    assert sentences.examples["note"] == ["one", "two"]


def test_the_users_sentences_win(tmp_path: Path) -> None:
    found = custom(tmp_path, MINE).recognize("what time is it")
    assert found is not None
    assert found.name == "FeedCat"


def test_folders_of_languages(tmp_path: Path) -> None:
    for language in ("en", "de"):
        (tmp_path / language).mkdir()
        (tmp_path / language / "some.yaml").write_text(
            f"language: {language}\nintents: {{Wave{language}: {{data: [{{sentences: [wave]}}]}}}}\n"
        )
    (tmp_path / "notes.txt").write_text("not sentences")
    found = load_sentences(load_house(), [tmp_path]).recognize("wave")
    assert found == Intent("Waveen", {})


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"nowhere: not a folder; custom sentences are DIR/\*\.yaml"):
        load_sentences(load_house(), [tmp_path / "nowhere"])


def test_two_hundred_sentences_that_contradict_each_other(tmp_path: Path) -> None:
    lines = ["intents:"]
    for index in range(200):
        lines += [f"  Intent{index:03}:", "    data:", "      - sentences:"]
        lines += ["          - turn on [the] office lights", "          - (do|don't do) it [not]"]
        lines += [f"        slots: {{which: {index}}}"]
    sentences = custom(tmp_path, "\n".join(lines) + "\n")
    assert sentences.recognize("turn on the office lights") == Intent("Intent000", {"which": 0})
    assert sentences.recognize("do it not") == Intent("Intent000", {"which": 0})
    assert sentences.recognize("turn on the kitchen lights") == Intent(
        "HassTurnOn", {"area": "kitchen", "domain": "light"}
    )


def test_the_fingerprint_tells_houses_apart(tmp_path: Path) -> None:
    house = load_house()
    attic = House(areas=(Area("attic"),), names=(Name("lamp", "light"),))
    prints = [load_sentences(house).fingerprint, load_sentences(attic).fingerprint, custom(tmp_path, MINE).fingerprint]
    assert len(set(prints)) == 3
    assert load_sentences(load_house()).fingerprint == prints[0]


def test_a_house_without_anything() -> None:
    sentences = load_sentences(House())
    assert sentences.recognize("turn on the lights") == Intent("HassTurnOn", {"domain": "light"})
    assert sentences.recognize("turn on the office lights") is None


def test_names_are_not_templates() -> None:
    house = House(areas=(Area("room (the small one"),), names=(Name("[lamp]", "light"),))
    assert load_sentences(house).recognize("turn on the lights") is not None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("turn on the desk lamp", "Desk Lamp"),
        ("Turn on the 💡 Desk Lamp!", "Desk Lamp"),
        ("turn on the 💡Desk-Lamp", "Desk Lamp"),
        ("turn on 🔥", "fire"),
        ("turn on the fire", "fire"),
        ("turn off Ventilator (2)", "Ventilator 2"),
        ("turn on the 1.5 kW heater", "1 5 kW heater"),
        ("turn on リビングの電気", "リビングの電気"),
        ("turn on the lamp e\u0301lectrique", "Lamp électrique"),
    ],
)
def test_names_as_they_are_said_and_as_they_are_written(said: str, name: str) -> None:
    written = ["💡 Desk-Lamp", "🔥", "Ventilator (2)", "1.5 kW heater", "リビングの電気", "Lamp électrique"]
    told = [as_said([one]) for one in written]
    sentences = load_sentences(House(names=tuple(Name(one[0], "switch") for one in told if one is not None)))
    found = sentences.recognize(said)
    assert found is not None
    assert found.slots["name"] == name
    assert [thing.name for thing in found.things] == [name]


@pytest.mark.parametrize(
    "said",
    [
        "set a timer for 1/2 hours",
        "what is 5-",
        "set the brightness to -20%",
        "set the brightness to - 20 %",
        "💡",
        "turn on 👾",
        "12:30",
        "***",
    ],
)
def test_what_is_left_out_makes_no_other_sentence(sentences: Sentences, said: str) -> None:
    assert sentences.recognize(said) is None


def test_things_of_one_name_and_those_that_sound_alike() -> None:
    lamps = (Name("lamp", "light", "attic"), Name("Lamp", "light", "cellar"), Name("lamp", "cover", "attic"))
    garage = (Name("blew lamp", "light"), Name("heater", "switch", None, ("blue lamp",)))
    sentences = load_sentences(House(areas=(Area("attic"), Area("cellar")), names=(*lamps, *garage)))
    sentences.alike = {"blew lamp": ("blue lamp",), "blue lamp": ("blew lamp",)}
    for said, things in (
        ("turn on the lamp", lamps[:2]),
        ("open the lamp", lamps[2:]),
        ("set the lamp to twenty percent brightness", lamps[:2]),
        ("turn on the blew lamp", garage),
        ("turn on the heater", garage[1:]),
        ("turn on the blue lamp", garage),
        ("set the blew lamp to red", garage[:1]),
        ("set a ten minute lamp timer", ()),
    ):
        found = sentences.recognize(said)
        assert found is not None, said
        assert set(found.things) == set(things), said


def test_warm_changes_nothing(sentences: Sentences) -> None:
    sentences.warm()
    assert sentences.recognize("volume fifty percent") == Intent("HassSetVolume", {"volume_level": 50})
