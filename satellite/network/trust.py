"""Which servers on other hosts may have the microphone and the camera.

A file that people can read and edit: the ids that somebody trusted once. The id is what a host's servers say of
themselves; it is no secret. So trust keeps a house from using a stranger's server by accident, and it does not keep out
an attacker on the same network who passes for a server that is trusted: Wyoming has no authentication.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from wyoming_servers.wire.files import locked, write_whole

_LOGGER = logging.getLogger(__name__)


class TrustError(Exception):
    """The list cannot be read, written or changed as asked; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Somebody's decision."""

    id: str
    """Of the host, or the instance name of a server that gives no id."""

    name: str
    """What it was called then; for people."""

    since: str
    """Day of the decision, as YYYY-MM-DD."""


class Trust:
    """The list in one file, which other processes may change at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._ids: frozenset[str] = frozenset()

    @classmethod
    def kept_in(cls, data_dir: Path) -> Self:
        """Return the list that this machine keeps in its data folder."""
        return cls(data_dir / "trusted.json")

    def trusts(self, server_id: str) -> bool:
        """Return True when `server_id` is in the list; nobody is while the list cannot be read, which is logged."""
        try:
            status = self._path.stat()
            stamp = status.st_mtime_ns, status.st_ino
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._ids = frozenset(trusted.id for trusted in self.entries())
            except TrustError as error:
                self._ids = frozenset()
                _LOGGER.warning("%s; until then no server on another host is used unless --server names it", error)
        return server_id in self._ids

    def entries(self) -> list[Trusted]:
        """Return all who are trusted, the oldest first. Raises `TrustError`."""
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))["trusted"]
            return [Trusted(str(entry["id"]), str(entry["name"]), str(entry.get("since", ""))) for entry in entries]
        except FileNotFoundError:
            return []
        except json.JSONDecodeError as error:
            raise TrustError(f"{self._path}, line {error.lineno}: {error.msg}; correct it or remove the file") from None
        except (KeyError, TypeError, AttributeError, UnicodeError, RecursionError):
            raise TrustError(
                f'{self._path} is no list of trusted servers, {{"trusted": [{{"id": …, "name": …}}]}}; '
                "correct it or remove the file"
            ) from None
        except OSError as error:
            raise TrustError(f"{self._path} cannot be read: {error.strerror}") from error

    def add(self, server_id: str, name: str) -> Trusted:
        """Trust `server_id` from now on; return the entry, which is the old one where there was one."""
        with self._changing() as entries:
            for entry in entries:
                if entry.id == server_id:
                    return entry
            entries.append(Trusted(server_id, name, datetime.now(UTC).date().isoformat()))
            return entries[-1]

    def remove(self, name_or_id: str) -> Trusted:
        """Trust whom `name_or_id` names no more; raise `TrustError` where that is nobody."""
        with self._changing() as entries:
            for entry in entries:
                if name_or_id in {entry.id, entry.name}:
                    entries.remove(entry)
                    return entry
        known = ", ".join(entry.name for entry in entries) or "nobody"
        raise TrustError(f"'{name_or_id}' is not trusted; trusted are: {known}")

    @contextmanager
    def _changing(self) -> Iterator[list[Trusted]]:
        """Lend the entries under a lock and write back what became of them, whole or not at all."""
        try:
            with locked(self._path.parent):
                before = self.entries()
                entries = list(before)
                yield entries
                if entries != before:
                    text = json.dumps({"trusted": [asdict(entry) for entry in entries]}, indent=2, ensure_ascii=False)
                    write_whole(self._path, text + "\n")
        except OSError as error:
            raise TrustError(f"{self._path} cannot be written: {error.strerror}") from error
