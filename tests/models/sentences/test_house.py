from pathlib import Path

import pytest

from models.engine import EngineError
from models.sentences.house import Area, Name, load_house


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


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
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
