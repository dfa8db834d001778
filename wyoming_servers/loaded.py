"""What is in memory: each engine's process is written down in `DATA_DIR/loaded`, for `hearth models list --loaded`."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from pathlib import Path

from models.engines import Choice
from wyoming_servers.memory import memory_bytes
from wyoming_servers.wire.files import write_whole

_LOGGER = logging.getLogger(__name__)

MIB = 1024 * 1024


class Loaded:
    """Keeps the notes of one engine's processes, and logs what they hold."""

    def __init__(self, data_dir: Path, choice: Choice) -> None:
        self._folder = data_dir / "loaded"
        self._choice = choice

    def came(self, pid: int, seconds: float) -> None:
        """Note a process whose engine is loaded."""
        engine = self._choice.engine
        _LOGGER.info("%s: %s loaded in %.1f s, %d MB", engine.job, self._choice.name, seconds, memory_bytes(pid) // MIB)
        note = {
            "pid": pid,
            "started": _start_ticks(pid),
            "job": engine.job,
            "engine": engine.name,
            "model": self._choice.model,
            "since": time.time(),
        }
        try:
            for folder in (self._folder.parent, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in self._folder.glob("*.json"):  # of servers that were killed
                if not Path("/proc", old.stem).exists():
                    old.unlink(missing_ok=True)
            write_whole(self._folder / f"{pid}.json", json.dumps(note))
        except OSError as error:
            _LOGGER.warning("%s: what is loaded cannot be noted: %s", engine.job, error)

    def went(self, pid: int) -> None:
        """Forget a process that is gone."""
        with suppress(OSError):
            (self._folder / f"{pid}.json").unlink()


def _start_ticks(pid: int) -> int:
    """Return when a process was started, in the kernel's ticks since boot; with its number it names it for good."""
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except (OSError, ValueError, IndexError):
        return 0
