import importlib.util
import logging
import sys
from pathlib import Path

import pytest
from hassil.intents import Intents

from models.engine import EngineError
from models.sentences.house import Area, House, Name
from models.sentences.language_model import load, make
from models.sentences.library import Sentences, load_sentences


@pytest.fixture(scope="module")
def lexicon() -> Path:
    spec = importlib.util.find_spec("pocketsphinx")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    return load_sentences(House(areas=(Area("attic"),)))


def small(*said: str) -> Sentences:
    """Return nothing but the sentences `said`, to be quick."""
    data = {"language": "en", "intents": {"Do": {"data": [{"sentences": list(said)}]}}}
    return Sentences("en", Intents.from_dict(data), {}, [], {}, fingerprint=repr(said))


def custom(folder: Path, text: str) -> Sentences:
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_sentences(House(), [folder])


def test_it_is_made_once(tmp_path: Path, lexicon: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        folder = make(small("wave"), tmp_path, lexicon)
        assert "listening for" in caplog.text
        caplog.clear()
        written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        assert make(small("wave"), tmp_path, lexicon) == folder
    assert caplog.text == ""
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]  # nothing half made is left


def test_what_is_in_it(sentences: Sentences, tmp_path: Path, lexicon: Path) -> None:
    model = load(make(sentences, tmp_path, lexicon))
    assert model is not None
    assert model.grammar.is_complete(["turn", "on", "the", "lights", "in", "the", "attic"])
    entries = model.dictionary.read_text("utf-8").splitlines()
    assert {entry.partition(" ")[0].partition("(")[0] for entry in entries} == model.grammar.words
    lines = model.sentences.read_text("utf-8").splitlines()
    assert lines[0] == "FSG_BEGIN sentences"
    assert lines[-1] == "FSG_END"
    assert sum(line.startswith("TRANSITION") for line in lines) == sum(
        len(arcs) + (final > 0) for arcs, final in zip(model.grammar.arcs, model.grammar.final, strict=True)
    )


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A dictionary that is read in no time."""
    path = tmp_path / "few.dict"
    path.write_text("wave W EY V\nsing S IH NG\nask AE S K\n")
    return path


@pytest.mark.parametrize("name", ["sentences.fsg", "words.dict", "grammar.json", "sums.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_what_is_damaged_is_made_again(tmp_path: Path, few: Path, name: str, damage: str) -> None:
    folder = make(small("wave"), tmp_path, few)
    whole = (folder / name).read_bytes()
    if damage == "cut":
        (folder / name).write_bytes(whole[: len(whole) // 2])
    else:
        (folder / name).unlink()
    assert load(folder) is None
    assert make(small("wave"), tmp_path, few) == folder
    assert load(folder) is not None
    assert (folder / name).read_bytes() == whole


def test_no_language_model(tmp_path: Path) -> None:
    assert load(tmp_path / "nowhere") is None


def test_other_sentences_have_another_and_only_the_newest_are_kept(tmp_path: Path, few: Path) -> None:
    folders = [make(small("wave", *["sing"] * count), tmp_path, few) for count in range(7)]
    assert len(set(folders)) == 7
    assert set((tmp_path / "recognizer").iterdir()) == set(folders[-5:])


def test_words_that_nobody_can_pronounce_are_named(
    tmp_path: Path, few: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # no espeak-ng
    with caplog.at_level(logging.WARNING):
        model = load(make(small("ask qwrtzk", "wave", "sing"), tmp_path, few))
    assert "nobody knows how to pronounce 'qwrtzk'" in caplog.text
    assert model is not None
    assert model.grammar.words == {"wave", "sing"}
    with pytest.raises(EngineError, match="no sentence to listen for"):
        make(small("ask qwrtzk"), tmp_path, few)


def test_names_that_nobody_can_pronounce_are_told_each_time(
    tmp_path: Path, lexicon: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("リビングの電気", "лампа кухни", "Lamp électrique", "desk lamp")
    sentences = load_sentences(House(areas=(Area("客厅"),), names=tuple(Name(name, "light") for name in names)))
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            model = load(make(sentences, tmp_path, lexicon))
        (told,) = caplog.messages
        assert "what is called '客厅', 'リビングの電気', 'лампа кухни' is not listened for" in told
    assert model is not None
    assert model.grammar.is_complete(["turn", "on", "the", "desk", "lamp"])
    assert model.grammar.is_complete(["turn", "on", "the", "lamp", "électrique"])
    assert "リビングの電気" not in model.grammar.words
    assert sentences.recognize("turn on リビングの電気") is not None  # whoever writes


def test_espeak_pronounces_what_the_dictionary_lacks(
    tmp_path: Path, lexicon: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(names=(Name("zigbee lamp", "light"),))
    with caplog.at_level(logging.WARNING):
        model = load(make(load_sentences(house), tmp_path, lexicon))
    assert caplog.text == ""
    assert model is not None
    assert model.grammar.is_complete(["turn", "on", "the", "zigbee", "lamp"])
    assert "zigbee Z IH G B IY" in model.dictionary.read_text("utf-8").splitlines()


def test_two_hundred_sentences_that_contradict_each_other(tmp_path: Path, lexicon: Path) -> None:
    lines = ["intents:"]
    for index in range(200):
        lines += [f"  Intent{index:03}:", "    data:", "      - sentences:"]
        lines += ["          - turn on [the] office lights", "          - (do|don't do) it [not]"]
        lines += [f"        slots: {{which: {index}}}"]
    model = load(make(custom(tmp_path / "own", "\n".join(lines)), tmp_path, lexicon))
    assert model is not None
    assert model.grammar.is_complete(["turn", "on", "the", "office", "lights"])
    assert model.grammar.is_complete(["don't", "do", "it", "not"])
    one = load(make(custom(tmp_path / "own", "\n".join(lines[:7])), tmp_path, lexicon))
    assert one is not None
    assert len(model.grammar.arcs) == len(one.grammar.arcs)  # the same words, so no more to search


def test_nowhere_to_keep_it(tmp_path: Path, few: Path) -> None:
    (tmp_path / "recognizer").write_text("a file")
    with pytest.raises(EngineError, match="cannot keep the language model in"):
        make(small("wave"), tmp_path, few)
