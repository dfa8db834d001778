import importlib.util
import sys
from pathlib import Path

import pytest

from models.sentences.pronunciation import pronounce, spoken


@pytest.fixture(scope="module")
def dictionary() -> Path:
    spec = importlib.util.find_spec("pocketsphinx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"


@pytest.fixture
def no_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("lamp", "lamp"),
        ("50%", "fifty percent"),
        ("21°", "twenty one degrees"),
        ("1.5", "one point five"),
        ("1/2", "half"),
        ("3/4", "three quarters"),
        ("h2o", "h two o"),
        ("please,", "please"),
        ("...", ""),
    ],
)
def test_what_is_said_for_a_token(token: str, words: str) -> None:
    assert spoken(token) == tuple(words.split())


def test_words_of_the_dictionary(dictionary: Path) -> None:
    said, unknown = pronounce(["lamp", "the"], dictionary)
    assert said["lamp"] == ["L AE M P"]
    assert set(said["the"]) >= {"DH AH", "DH IY"}
    assert unknown == []


def test_signs_are_spelled_out(dictionary: Path) -> None:
    said, unknown = pronounce(["50%"], dictionary)
    assert "F IH F T IY P ER S EH N T" in said["50%"]
    assert unknown == []


def test_endings(tmp_path: Path) -> None:
    words = tmp_path / "words.dict"
    words.write_text("zib Z IH B\nzip Z IH P\nzish Z IH SH\n")
    said, _ = pronounce(["zib's", "zips", "zish's"], words)
    assert said == {"zib's": ["Z IH B Z"], "zips": ["Z IH P S"], "zish's": ["Z IH SH IH Z"]}


def test_espeak_is_asked_for_other_words(dictionary: Path) -> None:
    said, unknown = pronounce(["zigbee", "lamp"], dictionary)
    assert said["zigbee"] == ["Z IH G B IY"]
    assert unknown == []


@pytest.mark.usefixtures("no_espeak")
def test_compounds_and_unknown_words_where_there_is_no_espeak(tmp_path: Path) -> None:
    words = tmp_path / "words.dict"
    words.write_text("sky S K AY\nlight L AY T\nlight(2) L AY\nth TH\nhear HH IH R\n")
    said, unknown = pronounce(["skylights", "hearth", "zigbee"], words)
    assert said == {"skylights": ["S K AY L AY T S"]}
    assert unknown == ["hearth", "zigbee"]


def test_what_cannot_be_said_is_unknown(dictionary: Path) -> None:
    assert pronounce(["...", "lamp"], dictionary)[1] == ["..."]


def test_the_ways_of_one_token_are_few(tmp_path: Path) -> None:
    words = tmp_path / "words.dict"
    words.write_text("".join(f"{word}({way}) AH\n" for word in ("two", "percent") for way in range(2, 6)))
    said, _ = pronounce(["2%"], words)
    assert len(said["2%"]) == 4
