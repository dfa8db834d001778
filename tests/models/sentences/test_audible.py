from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import pytest

from models.sentences.audible import audible
from models.sentences.house import Area, House, Name


def test_lights_first_names_before_aliases(caplog: pytest.LogCaptureFixture) -> None:
    switches = [Name(f"s{index}", "switch", None, ("x",)) for index in range(3)]
    lights = [Name(f"l{index}", "light", None, (f"a{index}", f"b{index}")) for index in range(2)]
    house = audible(House(names=(*switches, *lights)), 6)
    assert [name.name for name in house.names] == ["l0", "l1", "s0", "s1", "s2"]
    assert [name.aliases for name in house.names] == [("a0",), (), (), (), ()]
    assert [name.name for name in audible(House(names=(*switches, *lights)), 1).names] == ["l0"]
    assert audible(House(names=(*switches, *lights)), 0).names == ()
    assert "'s2' and 3 more" not in caplog.text
    assert "more than the 6 names" in caplog.text


def test_what_is_talked_to_comes_first() -> None:
    kinds = ("sensor", "climate", "fan", "switch", "light", "cover", "media_player", "person")
    house = House(areas=(Area("attic"),), names=tuple(Name(kind, kind) for kind in kinds))
    heard = [name.name for name in audible(house).names]
    assert heard == ["light", "switch", "fan", "cover", "media_player", "climate", "sensor", "person"]
    assert [name.name for name in audible(house, 2).names] == ["light", "switch"]
    assert audible(house, 0).areas == house.areas


def test_a_name_of_several_things_is_one(caplog: pytest.LogCaptureFixture) -> None:
    rooms = tuple(Name(way, "light", f"room {number}") for number, way in enumerate(("lamp", "Lamp", "lamp")))
    other = Name("heater", "switch", None, ("lamp", "stove"))
    assert audible(House(names=(*rooms, other)), 2).names == (*rooms, Name("heater", "switch", None, ("lamp",)))
    assert "'stove': more than the 2 names" in caplog.text


def test_what_nobody_says_is_named_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    house = House(names=(Name("a-b c_d e f g h i", "light"), Name("lamp", "light", None, ("one " * 9, "bulb"))))
    assert audible(house).names == (Name("lamp", "light", None, ("bulb",)),)
    assert "'a-b c_d e f g h i': names of more than 8 words" in caplog.text


@pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="pip install 'wyoming-hearth[asr]'")
def test_names_that_share_nothing_are_halved_until_they_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.sentences import unfolding
    from wyoming_servers.asr import prepare_sphinx

    monkeypatch.setattr(unfolding, "MOST_NODES", 60_000)
    spec = importlib.util.find_spec("pocketsphinx")
    assert spec is not None
    assert spec.origin is not None
    words = (Path(spec.origin).parent / "model/en-us/cmudict-en-us.dict").read_text()
    several = [line.split()[0] for line in words.splitlines() if line[0].isalpha() and "(" not in line]
    names = tuple(Name(" ".join(several[index * 8 : index * 8 + 8]), "light") for index in range(1000))
    assert Path(prepare_sphinx(House(names=names), [], tmp_path)["folder"]).is_dir()
