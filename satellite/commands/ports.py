"""Who listens on a port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in linux/net/tcp_states.h, as /proc/net/tcp writes it


def holder(port: int) -> str | None:
    """Return the program that listens on `port`, as "name (process 123)"; None where nobody does.

    "another user's program" where its process cannot be seen.
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or it is not ours to look at
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                return f"{_name(process)} (process {process.name})"
    return "another user's program"


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _name(process: Path) -> str:
    """Return the program's name, for an interpreter with what it runs."""
    words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    name = Path(words[0]).name
    if "-m" in words:
        return f"{name} -m {words[words.index('-m') + 1]}"
    return name or (process / "comm").read_text(encoding="utf-8").strip()
