from pathlib import Path

import pytest

from models.engine import EngineError
from models.sentences.house import Area, Floor, House, Name, load_house


def write(folder: Path, text: str) -> Path:
    path = folder / "house.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_house() -> None:
    house = load_house()
    assert house.language == "en"
    assert len(house.areas) == 7
    assert {"light", "fan", "cover", "media_player"} <= {name.domain for name in house.names}
    assert {name.area for name in house.names} <= {area.name for area in house.areas}


def test_a_house_of_ones_own(tmp_path: Path) -> None:
    house = load_house(
        write(
            tmp_path,
            "units: imperial\nclock: 24\nareas: [{name: attic, aliases: [loft]}]\n"
            "names: [{name: big lamp, domain: light, area: attic}]\n",
        )
    )
    assert (house.units, house.clock) == ("imperial", 24)
    assert house.areas == (Area("attic", ("loft",)),)
    assert house.names == (Name("big lamp", "light", "attic"),)


def test_names_are_cleaned_as_home_assistants_are(tmp_path: Path) -> None:
    house = load_house(
        write(
            tmp_path,
            "floors: [{name: '⬆️ Upstairs'}]\n"
            "areas: [{name: '🍳 Küche'}, {name: '🛁', aliases: [Bathroom]}]\n"
            "names:\n"
            "  - {name: '💡 Desk-Lamp (new)', domain: light, area: '🍳 Küche', aliases: ['desk lamp!', '7']}\n"
            "  - {name: '🔥', domain: light, area: '🛁'}\n"
            "  - {name: リビング, domain: light, area: Bathroom}\n",
        )
    )
    assert house.floors == (Floor("Upstairs", (), "⬆️ Upstairs"),)
    assert house.areas == (Area("Küche", (), "🍳 Küche"), Area("Bathroom", ("bathtub",), "🛁"))
    assert house.names == (
        Name("Desk Lamp new", "light", "Küche", ("desk lamp", "7"), "💡 Desk-Lamp (new)"),
        Name("fire", "light", "Bathroom", (), "🔥"),
        Name("リビング", "light", "Bathroom"),
    )


def test_one_name_in_several_rooms(tmp_path: Path) -> None:
    rooms = "areas: [{name: attic}, {name: cellar}]\nnames:\n"
    lamp = "  - {{name: '{}', domain: light, area: {}}}\n"
    house = load_house(write(tmp_path, rooms + lamp.format("lamp", "attic") + lamp.format("Lamp", "cellar")))
    assert [(name.name, name.area) for name in house.names] == [("lamp", "attic"), ("Lamp", "cellar")]
    for second, said in (("Lamp", "'Lamp' is called so twice"), ("Lamp 💡", "twice, for both are said 'Lamp'")):
        with pytest.raises(EngineError) as error:
            load_house(write(tmp_path, rooms + lamp.format("lamp", "attic") + lamp.format(second, "attic")))
        assert said in str(error.value)
        assert ", line 4: " in str(error.value)


def test_an_area_by_whatever_it_is_called() -> None:
    house = House(areas=(Area("Küche", ("cookery",), "🍳 Küche"), Area("fire", (), "🔥")))
    assert [house.area(text) for text in ("küche", "🍳 Küche", "Cookery", "🔥", "attic")] == [
        *("Küche", "Küche", "Küche", "fire", None)
    ]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("areas:\n  - name: '***'\n", 2, "'***' has nothing that can be said"),
        ("areas:\n  - name: attic\n    aliases: ['-']\n", 3, "'-' has nothing that can be said"),
        (f"areas:\n  - name: {'x' * 256}\n", 2, "a name of 256 characters, which nobody says; at most 255"),
        ("areas:\n  - name: attic\n  - nam: cellar\n", 3, "no 'nam'; it may have aliases, name"),
        ("areas:\n  - name: attic\n  - aliases: [loft]\n", 3, "needs `name: ...`"),
        ("areas:\n  - name: attic\n  - name: Attic\n", 3, "'Attic' is called so twice"),
        ("areas: attic\n", 1, "must be a list"),
        ("names:\n  - name: lamp\n    area: attic\n", 2, "needs `domain: ...`"),
        (
            "names:\n  - name: lamp\n    domain: light\n    area: attic\n",
            4,
            "no area is called 'attic'; there are none",
        ),
        ("units: roman\n", 1, "must be metric or imperial"),
        ("language: xx\n", 1, "must be en"),
        ("clock: 13\n", 1, "must be 12 or 24"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(EngineError) as error:
        load_house(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert what in str(error.value)


def test_an_empty_house(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="empty; a house has"):
        load_house(write(tmp_path, ""))
