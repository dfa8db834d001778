"""Where pulled models lie: in the caches that everybody's environment variables name."""

from __future__ import annotations

import os
from pathlib import Path

from models.store.catalog import File, Model


def hub_cache() -> Path:
    """Return the Hugging Face Hub's cache, which all programs share, found as `huggingface_hub` finds it."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return _expanded(given)
    home = os.environ.get("HF_HOME")
    return (_expanded(home) if home else _cache() / "huggingface") / "hub"


def own_cache() -> Path:
    """Return the cache of models that are not on the Hub (the XDG base directory specification)."""
    return _cache() / "hearth" / "models"


def cache_of(model: Model) -> Path:
    """Return the cache that `model` lies in."""
    return hub_cache() if model.repo else own_cache()


def folder(model: Model) -> Path:
    """Return where the model's files are, or will be: in the Hub's cache these are links to `blobs`."""
    if model.repo:
        return repo_folder(model) / "snapshots" / model.revision
    return own_cache() / model.name


def repo_folder(model: Model) -> Path:
    """Return the folder of a repository in the Hub's cache."""
    return hub_cache() / f"models--{model.repo.replace('/', '--')}"


def part(model: Model, file: File) -> Path:
    """Return where a file grows while it is fetched; it never has its final name before it is whole and right."""
    if model.repo:
        return repo_folder(model) / "blobs" / f"{model.revision}-{file.name}.part"
    return folder(model) / f"{file.name}.part"


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return _expanded(given) if given else Path.home() / ".cache"


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
