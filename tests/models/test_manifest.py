from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.engine import EngineUnavailable
from models.manifest import find_manifests, read_manifest

MICRO = {"probability_cutoff": 0.9, "sliding_window_size": 5, "feature_step_size": 10}
GOOD = {
    "type": "micro",
    "wake_word": "Hey House",
    "author": "Ada",
    "website": "https://ada.example",
    "model": "stream_state_internal_quant.tflite",
    "trained_languages": ["en", "de"],
    "version": 2,
    "micro": MICRO,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stream_state_internal_quant.tflite").write_bytes(b"model")
    return tmp_path


def write(folder: Path, data: Any, name: str = "hey_house.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def test_what_it_says(folder: Path) -> None:
    manifest = read_manifest(write(folder, GOOD))
    word = manifest.word
    assert (word.name, word.phrase, word.languages) == ("hey_house", "Hey House", ["en", "de"])
    assert (word.version, word.author, word.website) == ("2", "Ada", "https://ada.example")
    assert manifest.model == folder / "stream_state_internal_quant.tflite"
    assert (manifest.cutoff, manifest.window) == (0.9, 5)


def test_what_may_be_left_out(folder: Path) -> None:
    least = {name: GOOD[name] for name in ("wake_word", "model")} | {
        "micro": {name: MICRO[name] for name in ("probability_cutoff", "sliding_window_size")}
    }
    word = read_manifest(write(folder, least)).word
    assert (word.languages, word.version, word.author, word.website) == ([], "", "unknown", "")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is larger than 65536 bytes"),
        ("[" * 60_000, "it is no JSON"),
        ("[1]", "it takes an object"),
        ({}, "'micro' takes an object"),
        (GOOD | {"type": "openwakeword"}, "'type' is 'openwakeword'"),
        (GOOD | {"wake_word": " "}, "'wake_word' takes a text"),
        (GOOD | {"wake_word": "x" * 201}, "'wake_word' takes a text"),
        (GOOD | {"model": None}, "'model' takes a text"),
        (GOOD | {"model": "other.tflite"}, "other.tflite, is missing"),
        (GOOD | {"author": 5}, "'author' takes a text"),
        (GOOD | {"trained_languages": "en"}, "'trained_languages' takes a list"),
        (GOOD | {"micro": MICRO | {"feature_step_size": 20}}, "'micro.feature_step_size' is 20"),
        (GOOD | {"micro": MICRO | {"probability_cutoff": 97}}, "'micro.probability_cutoff' takes a number between"),
        (GOOD | {"micro": MICRO | {"probability_cutoff": True}}, "'micro.probability_cutoff'"),
        (GOOD | {"micro": MICRO | {"sliding_window_size": 0}}, "'micro.sliding_window_size' takes a whole number"),
        (GOOD | {"micro": MICRO | {"sliding_window_size": 10**9}}, "'micro.sliding_window_size'"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, data: Any, told: str) -> None:
    path = write(folder, data)
    with pytest.raises(EngineUnavailable) as raised:
        read_manifest(path)
    assert str(path) in str(raised.value)
    assert told in str(raised.value)


def test_bytes_that_are_no_text(folder: Path) -> None:
    path = folder / "noise.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EngineUnavailable, match="it is no JSON"):
        read_manifest(path)


def test_where_it_is(folder: Path) -> None:
    path = write(folder, GOOD)
    other = write(folder, GOOD, "another.json")
    assert find_manifests(path) == [path]
    assert find_manifests(folder) == [other, path]
    (folder / "hey_house.tflite").write_bytes(b"model")
    assert find_manifests(folder / "hey_house.tflite") == [path]


def test_where_it_is_not(folder: Path) -> None:
    with pytest.raises(EngineUnavailable, match="nowhere does not exist"):
        find_manifests(folder / "nowhere")
    with pytest.raises(EngineUnavailable, match=r"stream_state_internal_quant\.json is missing"):
        find_manifests(folder / "stream_state_internal_quant.tflite")
    with pytest.raises(EngineUnavailable, match="holds no wake word"):
        find_manifests(folder)
