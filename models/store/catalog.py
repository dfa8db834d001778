"""The catalogue: which models can be pulled, where each file is, and what it must be (`catalog.toml`)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.engine import EngineError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Of a model or a file: no separator and no leading dot, so that it stays in its folder."""

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://[^\s]+")

_JOBS = ("vad", "asr", "handle", "tts", "image")


class CatalogError(EngineError):
    """The catalogue is wrong; the message names the model and the field."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model."""

    name: str
    size: int
    """Bytes."""

    sha256: str = ""
    """Hexadecimal; empty for a file of the Hub, which says itself what the file must be."""

    urls: tuple[str, ...] = ()
    """Where it is, the place to try first in front; empty for a file of the Hub, or with `text`."""

    text: str = ""
    """What it holds, where the catalogue brings it along."""


@dataclass(frozen=True, slots=True)
class Model:
    """Something to pull."""

    name: str
    job: str
    engine: str
    """Which engine opens it: whisper, llama, kokoro or onnx."""

    suits: str
    """For whom it is, in one line."""

    licence: str
    """As SPDX writes it."""

    languages: tuple[str, ...]
    """BCP 47 codes."""

    memory_mb: int
    """What a process holds that works with it, in units of 2^20 bytes."""

    files: tuple[File, ...]
    main: str = ""
    """The file that its engine opens; empty where that is the folder."""

    repo: str = ""
    """Of the Hugging Face Hub; empty where the files have addresses of their own."""

    revision: str = ""
    """Commit of `repo`."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def load(path: Path) -> dict[str, Model]:
    """Return the models of a catalogue by name, in its order. Raises `CatalogError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError(f"the catalogue {path} cannot be read: {error}") from error
    entries, languages = table.get("models", {}), table.get("languages", {})
    if not (isinstance(entries, dict) and all(isinstance(table, dict) for table in (languages, *entries.values()))):
        raise CatalogError(f"the catalogue {path} has tables [models.NAME] and [languages] only")
    return {name: _model(name, entry, languages) for name, entry in entries.items()}


@cache
def models() -> Mapping[str, Model]:
    """Return what can be pulled, by name, in the order in which `auto` prefers it."""
    return load(Path(__file__).parents[1] / "catalog.toml")


def _model(name: str, entry: Mapping[str, Any], languages: Mapping[str, Any]) -> Model:
    def wrong(what: str) -> CatalogError:
        return CatalogError(f"the catalogue's model '{name}': {what}")

    def text(field: str) -> str:
        value = entry.get(field, "")
        if not isinstance(value, str):
            raise wrong(f"{field} must be a text")
        return value

    if not _NAME.fullmatch(name):
        raise wrong("a name has letters, digits, dots, - and _ only")
    unknown = entry.keys() - Model.__dataclass_fields__.keys()
    if unknown:
        raise wrong(f"there is no field {', '.join(sorted(unknown))}")
    for field in ("job", "engine", "suits", "licence"):
        if not text(field):
            raise wrong(f"{field} is missing")
    if text("job") not in _JOBS:
        raise wrong(f"job is one of {', '.join(_JOBS)}")
    repo, revision = text("repo"), text("revision")
    if repo and not (_REPO.fullmatch(repo) and _COMMIT.fullmatch(revision)):
        raise wrong("repo is OWNER/NAME, and revision a commit of 40 hexadecimal digits")
    spoken = entry.get("languages")
    spoken = languages.get(spoken) if isinstance(spoken, str) else spoken
    if not (isinstance(spoken, list) and spoken and all(isinstance(code, str) for code in spoken)):
        raise wrong("languages is a list of codes, or the name of one in [languages]")
    memory_mb = entry.get("memory_mb")
    if not (isinstance(memory_mb, int) and memory_mb > 0):
        raise wrong("memory_mb is a number above 0")
    entries = entry.get("files")
    if not (isinstance(entries, list) and entries and all(isinstance(file, dict) for file in entries)):
        raise wrong("files is a list of tables, at least one")
    files = tuple(_file(file, in_repo=bool(repo), wrong=wrong) for file in entries)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise wrong("two files have the same name")
    if text("main") and text("main") not in names:
        raise wrong("main is none of its files")
    return Model(
        name=name,
        job=text("job"),
        engine=text("engine"),
        suits=text("suits"),
        licence=text("licence"),
        languages=tuple(spoken),
        memory_mb=memory_mb,
        files=files,
        main=text("main"),
        repo=repo,
        revision=revision,
    )


def _file(entry: Mapping[str, Any], *, in_repo: bool, wrong: Any) -> File:
    name, text = entry.get("name"), entry.get("text", "")
    size, sha256, urls = entry.get("size"), entry.get("sha256", ""), entry.get("urls", [])
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise wrong(f"{name!r} is no file's name: letters, digits, dots, - and _ only, and no folder")
    if text and isinstance(text, str) and entry.keys() <= {"name", "text"} and not in_repo:
        held = text.encode()
        return File(name, len(held), hashlib.sha256(held).hexdigest(), text=text)
    if not (isinstance(size, int) and size > 0):
        raise wrong(f"size of {name} is missing: its bytes")
    if not isinstance(sha256, str) or (not _SHA256.fullmatch(sha256) and (sha256 or not in_repo)):
        raise wrong(f"sha256 of {name} is 64 hexadecimal digits")
    if not isinstance(urls, list) or not all(isinstance(url, str) and _URL.fullmatch(url) for url in urls):
        raise wrong(f"urls of {name} is a list of http addresses")
    if in_repo == bool(urls):
        raise wrong(f"{name} needs " + ("no urls: it is in the repo" if in_repo else "urls, as there is no repo"))
    return File(name, size, sha256, tuple(urls))
