"""The JSON file that lies beside a wake word's model, as microWakeWord and ESPHome write it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.engine import EngineUnavailable, WakeWord

_LARGEST_BYTES = 64 * 1024
_LONGEST = 200
"""Characters of a text."""

_STEP_MS = 10
"""Of the features that every version 2 model is made for."""

_LARGEST_WINDOW = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """A wake word and its model."""

    word: WakeWord
    model: Path
    """The TensorFlow Lite file."""

    cutoff: float
    """Probability, 0 to 1, above which the word was said."""

    window: int
    """Probabilities that are averaged."""


def find_manifests(path: Path) -> list[Path]:
    """Return the JSON files that `path` stands for: itself, the one beside a .tflite file, or all in a folder.

    Raises `EngineUnavailable`, saying what would be right, where there is none.
    """
    if path.is_dir():
        if not (found := sorted(path.glob("*.json"))):
            raise EngineUnavailable(
                f"{path} holds no wake word: put each model's .json file and its .tflite file there"
            )
        return found
    manifest = path.with_suffix(".json") if path.suffix == ".tflite" else path
    if not path.exists():
        raise EngineUnavailable(
            f"{path} does not exist; give a wake word's .json file, with its .tflite file beside it"
        )
    if not manifest.is_file():
        raise EngineUnavailable(
            f"{manifest} is missing; a wake word is a .tflite file and the .json file that tells of it"
        )
    return [manifest]


def read_manifest(path: Path) -> Manifest:
    """Read the JSON file; the word is called as the file is. Raises `EngineUnavailable`, naming what is wrong."""
    data = _object(path, _load(path), "it")
    micro = _object(path, data.get("micro"), "'micro'")
    if data.get("type", "micro") != "micro":
        raise _wrong(path, f"'type' is {data['type']!r:.40}; only \"micro\" is known, the models of microWakeWord")
    if (step := micro.get("feature_step_size", _STEP_MS)) != _STEP_MS:
        raise _wrong(path, f"'micro.feature_step_size' is {step!r:.40}; models of version 2 have {_STEP_MS}")
    languages = data.get("trained_languages", [])
    if not isinstance(languages, list) or not all(isinstance(one, str) for one in languages):
        raise _wrong(path, "'trained_languages' takes a list of languages, like [\"en\"]")
    cutoff = micro.get("probability_cutoff")
    if not isinstance(cutoff, int | float) or isinstance(cutoff, bool) or not 0 < cutoff < 1:
        raise _wrong(path, f"'micro.probability_cutoff' takes a number between 0 and 1, not {cutoff!r:.40}")
    window = micro.get("sliding_window_size")
    if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= _LARGEST_WINDOW:
        raise _wrong(
            path, f"'micro.sliding_window_size' takes a whole number from 1 to {_LARGEST_WINDOW}, not {window!r:.40}"
        )
    model = path.parent / _text(path, data, "model")
    if not model.is_file():
        raise _wrong(path, f"its 'model', {model}, is missing")
    word = WakeWord(
        name=path.stem,
        phrase=_text(path, data, "wake_word"),
        languages=[language[:_LONGEST] for language in languages],
        version=str(data.get("version", ""))[:_LONGEST],
        author=_text(path, data, "author", "unknown"),
        website=_text(path, data, "website", ""),
    )
    return Manifest(word, model, float(cutoff), window)


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _wrong(path, f"it is larger than {_LARGEST_BYTES} bytes, so it is none")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EngineUnavailable(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"it is no JSON ({error!s:.100})") from error


def _object(path: Path, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, f"{name} takes an object")
    return value


def _text(path: Path, data: dict[str, Any], name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str) or len(value) > _LONGEST or (default is None and not value.strip()):
        raise _wrong(path, f"'{name}' takes a text of at most {_LONGEST} characters")
    return value


def _wrong(path: Path, text: str) -> EngineUnavailable:
    return EngineUnavailable(f"{path} is no wake word's description: {text}")
