"""What the servers of this machine have in memory: the notes in `DATA_DIR/loaded`, as far as they still hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from wyoming_servers.memory import memory_bytes


@dataclass(frozen=True, slots=True)
class Resident:
    """An engine in a process."""

    pid: int
    job: str
    engine: str
    model: str
    """Empty where the engine brings its own."""

    since: float
    """Unix seconds."""

    memory: int
    """Bytes, all of the process."""


def residents(data_dir: Path) -> list[Resident]:
    """Return what is loaded now, by job. A note that cannot be read, or whose process is gone, is passed over."""
    found = []
    for path in sorted((data_dir / "loaded").glob("*.json")):
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            pid, started, since = int(note["pid"]), int(note["started"]), float(note["since"])
            job, engine, model = (str(note[field]) for field in ("job", "engine", "model"))
        except (OSError, ValueError, TypeError, KeyError, OverflowError):
            continue
        memory = memory_bytes(pid) if pid > 0 else 0
        if memory and _started(pid) == started:  # else the number was given to another process
            found.append(Resident(pid, job, engine, model, since, memory))
    return sorted(found, key=lambda resident: (resident.job, resident.pid))


def _started(pid: int) -> int:
    """Return when a process was started, in ticks since boot; -1 where it is gone (proc(5), `stat`)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, ValueError, IndexError):
        return -1
