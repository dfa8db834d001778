"""The model store: weights pulled once and checked, found again without a network.

A file has its final name only when it is whole and its checksum is right, so what is there can be used: `path` looks at
sizes only. `pull` and `verify` read every byte.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from models.engine import EngineError
from models.store import catalog, download, elsewhere, hub, places
from models.store.catalog import File, Model
from models.store.download import Cancelled, Progress, Stopped

_SPARE_BYTES = 64 * 1024 * 1024
"""Left free on a disk that is pulled to."""

_POLL_S = 0.2


class StoreError(EngineError):
    """The store cannot do what was asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not as it must be."""

    file: str
    path: Path
    what: str


def silent(*_: object) -> None:
    """Be the progress that nobody watches."""


def never() -> bool:
    """Be the request to stop that never comes."""
    return False


def names(engine: str = "") -> list[str]:
    """Return the catalogue's models of an engine, or all, in the order in which `auto` prefers them."""
    return [model.name for model in catalog.models().values() if engine in ("", model.engine)]


def find(name: str) -> Model:
    """Return a model of the catalogue. Raises `StoreError`."""
    known = catalog.models()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise StoreError(
            f"there is no model '{name}'"
            + (f", did you mean '{near[0]}'?" if near else "")
            + " (hearth models list; a file of your own needs no pull: give its path to --model)"
        )
    return known[name]


def path(name: str) -> Path | None:
    """Return what an engine opens for a model of the catalogue: a file or folder; None where it is not here, whole.

    Never touches the network, and reads no file. Raises `StoreError` for an unknown name.
    """
    model = find(name)
    folder = places.folder(model)
    if any(_length(folder / file.name) != file.size for file in model.files):
        return None
    return folder / model.main if model.main else folder


def pull(
    name: str, *, local_files_only: bool = False, progress: Progress = silent, cancelled: Cancelled = never
) -> Path:
    """Fetch what is not here of a model, check all of it, and return what an engine opens.

    Where it was cut or stopped before, it goes on; what is damaged is fetched again. Two pulls of the same model wait
    for each other. With `local_files_only` nothing is fetched: what is here is checked. Raises `StoreError`,
    `DownloadError` or `EngineUnavailable`, and `Stopped` when `cancelled` says so; what came so far is kept.
    """
    model = find(name)
    offline = local_files_only or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    if offline:
        for damage in verify(name, progress=progress, cancelled=cancelled):
            raise StoreError(f"{damage.path} is {damage.what}: pull without --local-files-only and HF_HUB_OFFLINE")
    else:
        with _held(model, progress, cancelled):
            wanted = [file for file in model.files if _fault(model, file, progress, cancelled)]
            _look_for_room(model, wanted)
            for file in wanted:
                _discard(model, file)
                _fetch(model, file, progress, cancelled)
    found = path(name)
    if found is None:
        raise StoreError(f"{name} went while it was pulled: pull again")
    return found


def verify(name: str, *, progress: Progress = silent, cancelled: Cancelled = never) -> list[Damage]:
    """Read all files of a model and return those that are missing or damaged.

    Raises `StoreError` where none is here, and `Stopped` when `cancelled` says so.
    """
    model = find(name)
    if all(_length(places.folder(model) / file.name) < 0 for file in model.files):
        raise StoreError(f"{name} is not here, in {places.folder(model)}: hearth models pull {name}")
    return [
        Damage(file.name, places.folder(model) / file.name, fault)
        for file in model.files
        if (fault := _fault(model, file, progress, cancelled))
    ]


def remove(name: str) -> int:
    """Delete a model, and what was begun of it, and return the bytes that this freed. Raises `StoreError`.

    In the Hub's cache only this model's files of this commit go; other programs' stay. A process that has it loaded
    keeps it until it ends.
    """
    model = find(name)
    cache = places.cache_of(model)
    before = _held_bytes(model)
    if not before:
        raise StoreError(f"{name} is not here")
    try:
        with _held(model, _busy, never):
            for file in model.files:
                _discard(model, file)
                places.part(model, file).unlink(missing_ok=True)
            for folder in (places.folder(model), *places.folder(model).parents):
                if folder == cache:
                    break
                with suppress(OSError):  # not empty
                    folder.rmdir()
            with suppress(OSError):
                (places.repo_folder(model) / "blobs").rmdir()
                places.repo_folder(model).rmdir()
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be removed: {error.strerror}") from error
    return before - _held_bytes(model)


def _busy(action: download.Action, name: str, _: int, __: int) -> None:
    if action == "wait":
        raise StoreError(f"{name} is being pulled: stop that first")


def _fault(model: Model, file: File, progress: Progress, cancelled: Cancelled) -> str:
    """Say what is wrong with a file; empty where it is as it must be."""
    place = places.folder(model) / file.name
    length = _length(place)
    if length < 0:
        return "missing"
    if length != file.size:
        return f"damaged: {length} bytes instead of {file.size}"
    etag = place.readlink().name if model.repo and place.is_symlink() else ""
    try:
        for algorithm, expected in hub.checksums(file, etag):
            if download.digest(place, algorithm, name=file.name, progress=progress, cancelled=cancelled) != expected:
                return f"damaged: its {algorithm} checksum is wrong"
    except OSError as error:
        return f"damaged: it cannot be read ({error.strerror})"
    return ""


def _fetch(model: Model, file: File, progress: Progress, cancelled: Cancelled) -> None:
    if model.repo:
        hub.fetch(model, file, progress=progress, cancelled=cancelled)
    elif file.text:
        _write(places.folder(model) / file.name, file.text)
    else:
        elsewhere.fetch(model, file, progress=progress, cancelled=cancelled)


def _discard(model: Model, file: File) -> None:
    """Delete a file: in the Hub's cache its link, and the blob too where no other commit uses it."""
    place = places.folder(model) / file.name
    blob = place.parent / place.readlink() if model.repo and place.is_symlink() else None
    place.unlink(missing_ok=True)
    if blob is not None and not any(
        link.is_symlink() and link.readlink().name == blob.name
        for link in (places.repo_folder(model) / "snapshots").rglob("*")
    ):
        blob.unlink(missing_ok=True)


def _look_for_room(model: Model, wanted: list[File]) -> None:
    """Raise `StoreError` where the disk cannot take what is still to come."""
    cache = places.cache_of(model)
    needed = sum(max(0, file.size - max(0, _length(places.part(model, file)))) for file in wanted)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if wanted and free < needed + _SPARE_BYTES:
        variable = "HF_HUB_CACHE" if model.repo else "XDG_CACHE_HOME"
        raise StoreError(
            f"{model.name} needs {_mb(needed + _SPARE_BYTES)} MB in {cache}, where {_mb(free)} MB are free: make room, "
            f"or name another disk in {variable}"
        )


@contextmanager
def _held(model: Model, progress: Progress, cancelled: Cancelled) -> Iterator[None]:
    """Hold a model against every other process that pulls or removes it."""
    folder = places.cache_of(model) / ".locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"hearth-{model.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be written: {error.strerror}") from error
    try:
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress("wait", model.name, 0, model.size)
                    told = True
                if cancelled():
                    raise Stopped from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _held_bytes(model: Model) -> int:
    files = [places.folder(model) / file.name for file in model.files]
    parts = [places.part(model, file) for file in model.files]
    return sum(max(0, _length(file)) for file in files + parts)


def _write(place: Path, text: str) -> None:
    part = place.with_name(f"{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(place)
    except OSError as error:
        raise StoreError(f"{place} cannot be written: {error.strerror}") from error


def _length(path: Path) -> int:
    """Return a file's bytes, -1 where there is none."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


def _mb(size: int) -> int:
    return -(-size // 1_000_000)
