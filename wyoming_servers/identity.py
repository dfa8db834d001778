"""Who this host is: an id that stays the same as long as its data folder does."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from wyoming_servers.wire.files import locked, write_whole

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
        with locked(data_dir):
            known = _read(path)
            if known is None:
                known = uuid.uuid4().hex
                write_whole(path, known + "\n")
            return known
    except OSError as error:
        raise IdentityError(
            f"the id of this host cannot be kept in {path}: {error.strerror}; "
            "choose a folder that can be written with --data-dir"
        ) from error


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            text = file.read(100).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return text if _FORM.fullmatch(text) else None
