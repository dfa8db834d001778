"""Files of the Hugging Face Hub: `huggingface_hub` asks for them and keeps them, in the cache that all programs share.

It knows who the user is (`HF_TOKEN`, `hf auth login`), what the Hub says of a file, and how the cache is laid out: a
blob named by its checksum, and a link to it from the snapshot of the commit. The bytes come through `download`:
`huggingface_hub` goes on from no part and checks no SHA-256 itself. A blob gets its name when it is right.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from models.engine import EngineUnavailable
from models.store import download, places
from models.store.catalog import File, Model
from models.store.download import Cancelled, DownloadError, Mismatch, Progress

_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""What the Hub calls a file: git's checksum of a small one, the SHA-256 of one in LFS."""

_DEFAULT_ENDPOINT = "https://huggingface.co"


def fetch(model: Model, file: File, *, progress: Progress, cancelled: Cancelled) -> None:
    """Put a file into the Hub's cache. Raises `DownloadError`, `EngineUnavailable` or `Stopped`."""
    try:
        import huggingface_hub
        from huggingface_hub.utils import build_hf_headers
    except ImportError as error:
        raise EngineUnavailable(f"to pull {model.name}: pip install 'wyoming-hearth[{model.engine}]'") from error

    endpoint = (os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT).rstrip("/")
    url = huggingface_hub.hf_hub_url(model.repo, file.name, revision=model.revision, endpoint=endpoint)
    etag = _ask(huggingface_hub, model, file, url)
    blob = places.repo_folder(model) / "blobs" / etag

    def is_right(path: Path) -> bool:
        return all(
            download.digest(path, algorithm, name=file.name, progress=progress, cancelled=cancelled) == expected
            for algorithm, expected in checksums(file, etag)
        )

    if not blob.exists() or not is_right(blob):
        part = places.part(model, file)
        token = build_hf_headers().get("authorization")
        download.fetch(
            url,
            part,
            model=model.name,
            name=file.name,
            size=file.size,
            headers={"Authorization": token} if token else None,
            progress=progress,
            cancelled=cancelled,
        )
        if not is_right(part):
            part.unlink()
            raise download.wrong_bytes(url, model.name, file.name)
        part.replace(blob)
    try:  # finds the blob, and makes the link to it
        huggingface_hub.hf_hub_download(
            model.repo, file.name, revision=model.revision, cache_dir=places.hub_cache(), endpoint=endpoint
        )
    except Exception as error:  # see _explain
        raise DownloadError(_explain(error, model, file, url)) from error


def checksums(file: File, etag: str) -> list[tuple[str, str]]:
    """Return what a file must be, as `download.digest`'s algorithms: what the catalogue says, and what the Hub says."""
    found = {"sha256": file.sha256} if file.sha256 else {}
    if _ETAG.fullmatch(etag):
        found.setdefault("sha256" if len(etag) == 64 else "git", etag)
    return list(found.items())


def _ask(huggingface_hub: Any, model: Model, file: File, url: str) -> str:
    """Return what the Hub calls the file, after a look that it is the one of the catalogue."""
    try:
        said = huggingface_hub.get_hf_file_metadata(url)
    except Exception as error:  # see _explain
        raise DownloadError(_explain(error, model, file, url)) from error
    etag = said.etag or ""
    if not _ETAG.fullmatch(etag) or said.commit_hash != model.revision:
        raise DownloadError(f"{download.host(url)} does not answer like the Hugging Face Hub: is HF_ENDPOINT right?")
    if (said.size is not None and said.size != file.size) or (len(etag) == 64 and etag != (file.sha256 or etag)):
        raise Mismatch(
            f"{model.name}'s {file.name} at {download.host(url)} is not the file of the catalogue: update Hearth"
        )
    return etag


def _explain(error: Exception, model: Model, file: File, url: str) -> str:
    """Say in one line what went wrong, and what to do.

    `huggingface_hub` raises its own errors and those of whichever HTTP library its version uses.
    """
    from huggingface_hub import errors

    what = f"{model.name}'s {file.name}"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{model.repo} wants its terms accepted: do so at {_DEFAULT_ENDPOINT}/{model.repo}, "
            "then set HF_TOKEN or run: hf auth login"
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"{what} is not here, and HF_HUB_OFFLINE is set: unset it to pull"
    if isinstance(error, errors.LocalEntryNotFoundError):  # no connection, in many words
        return download.unreachable(url, error.__cause__ or error)
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError | errors.EntryNotFoundError):
        return download.explain(url, what, 404)
    status = getattr(getattr(error, "response", None), "status_code", None)
    return download.explain(url, what, status) if status else download.unreachable(url, error)
