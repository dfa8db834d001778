"""Who this host is: an id that stays the same as long as its data folder does."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import uuid
from pathlib import Path

_FORM = re.compile(r"[0-9a-f]{32}")


class IdentityError(Exception):
    """The id can be neither read nor written; the message says why and what to do."""


def host_id(data_dir: Path) -> str:
    """Return the id kept in `data_dir`, 32 hexadecimal digits, made at the first call.

    Servers that start together agree on it: who comes first writes it, under a lock. A file that holds anything else
    (a disk that was full, say) is replaced. Raises `IdentityError`.
    """
    path = data_dir / "id"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            return _read(path) or _write(path, uuid.uuid4().hex)
        finally:
            os.close(folder)
    except OSError as error:
        raise IdentityError(
            f"the id of this host cannot be kept in {path}: {error.strerror}; "
            "choose a folder that can be written with --data-dir"
        ) from error


def _read(path: Path) -> str | None:
    try:
        text = path.read_bytes()[:100].decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return text if _FORM.fullmatch(text) else None


def _write(path: Path, value: str) -> str:
    """Write `value` so that after a power cut the file is either whole or not there."""
    descriptor, temporary = tempfile.mkstemp(prefix=".id-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return value
