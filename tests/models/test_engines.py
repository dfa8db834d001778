from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from models import engines, store
from models.engine import EngineUnavailable
from models.engines import ENGINES, Engine, choose, engines_of
from models.store import catalog

HERE = "json"
"""A module that is always installed."""


def engine(name: str, *, kind: str = "embedded", modules: tuple[str, ...] = (HERE,), weights: bool = False) -> Engine:
    neural = kind == "neural"
    return Engine("asr", name, "neural" if neural else "embedded", "a:b", "no-package", modules, "asr", weights=weights)


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """One neural engine before one embedded one, and the models that were pulled."""
    pulled: dict[str, Path] = {}
    monkeypatch.setattr(engines, "ENGINES", (engine("big", kind="neural", weights=True), engine("small")))
    monkeypatch.setattr(store, "names", lambda engine: ["first", "second"] if engine == "big" else [])
    monkeypatch.setattr(store, "path", pulled.get)
    some = next(iter(catalog.models().values()))
    monkeypatch.setattr(
        store, "find", lambda name: replace(some, memory_mb={"first": 330, "second": 650}[name], languages=("en", "de"))
    )
    return pulled


def test_auto_takes_the_embedded_one_until_a_model_is_here(house: dict[str, Path], tmp_path: Path) -> None:
    [choice] = choose("asr")
    assert choice.engine.name == "small"
    assert choice.why == "auto takes small; not big: no model of it is here (hearth models pull first)"
    assert (choice.model, choice.path) == ("", None)
    house["first"] = tmp_path
    [choice] = choose("asr")
    assert (choice.engine.name, choice.model, choice.path) == ("big", "first", tmp_path)
    assert choice.why == "auto takes big first: its packages and weights are here"


def test_auto_takes_the_largest_model_that_is_here(house: dict[str, Path], tmp_path: Path) -> None:
    house.update(first=tmp_path / "first", second=tmp_path / "second")
    assert choose("asr")[0].model == "second"
    del house["second"]
    assert choose("asr")[0].model == "first"


def test_auto_takes_the_largest_model_that_speaks_the_language(
    house: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"base": 330, "base.en": 330, "small": 650, "distil.en": 700}
    some = next(iter(catalog.models().values()))
    monkeypatch.setattr(store, "names", lambda engine: list(sizes) if engine == "big" else [])

    def find(name: str) -> catalog.Model:
        return replace(some, memory_mb=sizes[name], languages=("en",) if ".en" in name else ("en", "de"))

    monkeypatch.setattr(store, "find", find)
    house.update(dict.fromkeys(sizes, Path("/")))
    took = "auto takes big small: its packages and weights are here, and it is the largest of 2 that speak "
    assert choose("asr", language="de")[0].why == f"{took}de, not distil.en, base.en"
    assert choose("asr", language="de_AT")[0].why == f"{took}de_AT, not distil.en, base.en"
    assert choose("asr", language="auto")[0].why == f"{took}several languages, not distil.en, base.en"
    took = "its packages and weights are here, and it is the largest of"
    assert choose("asr", language="en-GB")[0].why == f"auto takes big distil.en: {took} 4"
    assert choose("asr")[0].why == f"auto takes big distil.en: {took} 4"
    del house["distil.en"], house["small"]
    [choice] = choose("asr", language="en")
    assert choice.model == "base.en"  # as large as base, and with fewer mistakes in English
    [choice] = choose("asr", language="de")
    assert choice.why == "auto takes big base: its packages and weights are here, and it speaks de, not base.en"
    del house["base"]
    assert choose("asr", language="de")[0].why == (
        "auto takes small; not big: no model of it that speaks de is here (hearth models pull base)"
    )
    assert "not big: no model of it speaks fr" in choose("asr", language="fr")[0].why


def test_no_engine_that_speaks_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    english = replace(engine("small"), languages=("en",))
    monkeypatch.setattr(engines, "ENGINES", (engine("big", kind="neural", weights=True), english))
    assert choose("asr", language="en-US")[0].engine.name == "small"
    for wanted, said in (
        ("auto", "big: no model of it is here (hearth models pull first); small: it speaks en alone, not de"),
        ("embedded", "small: it speaks en alone, not de"),
    ):
        with pytest.raises(EngineUnavailable, match=re.escape(said)):
            choose("asr", wanted, language="de")


def test_what_was_asked_for(house: dict[str, Path], tmp_path: Path) -> None:
    house["first"] = tmp_path
    assert choose("asr", "embedded")[0].engine.name == "small"
    assert choose("asr", "small")[0].why == "small was asked for"
    assert choose("asr", "neural")[0].model == "first"


def test_models_of_the_catalogue_and_of_ones_own(house: dict[str, Path], tmp_path: Path) -> None:
    house["second"] = tmp_path / "second"
    own = tmp_path / "my.gguf"
    own.touch()
    one, other = choose("asr", models=["second", str(own)])
    assert (one.model, one.path) == ("second", tmp_path / "second")
    assert (other.engine.name, other.model, other.path) == ("big", "my", own)


def test_two_models_of_one_name(tmp_path: Path) -> None:
    own = [tmp_path / folder / "my.gguf" for folder in "ab"]
    for path in own:
        path.parent.mkdir()
        path.touch()
    with pytest.raises(EngineUnavailable, match="two models are called my"):
        choose("asr", models=[str(path) for path in own])


@pytest.mark.parametrize(
    ("wanted", "models", "said"),
    [
        ("huge", [], "no engine 'huge' for asr: there are big, small, or auto, embedded, neural"),
        ("neural", [], "big: no model of it is here (hearth models pull first)"),
        ("auto", ["first"], "the model first is not here: hearth models pull first"),
        ("big", ["thrid"], "no model 'thrid' for big: give a path, or one of first, second"),
        ("small", ["first"], "the engine small takes no model; leave --model out"),
    ],
)
def test_what_cannot_be_had(wanted: str, models: list[str], said: str) -> None:
    with pytest.raises(EngineUnavailable, match=re.escape(said)):
        choose("asr", wanted, models)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = engine("big", kind="neural", modules=(HERE, "no_such_module"), weights=True)
    monkeypatch.setattr(engines, "ENGINES", (missing,))
    said = "no_such_module is not installed (pip install 'wyoming-hearth[asr]')"
    with pytest.raises(EngineUnavailable, match=re.escape(said)):
        choose("asr")
    with pytest.raises(EngineUnavailable, match=re.escape(said)):
        choose("asr", models=[str(tmp_path)])


def test_every_job_has_an_embedded_engine_last() -> None:
    for job in {one.job for one in ENGINES}:
        assert [one.kind for one in ENGINES if one.job == job][-1] == "embedded"
    assert [one.name for one in engines_of("asr")] == ["big", "small"]
