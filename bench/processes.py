"""What a process and all that it started have used."""

from __future__ import annotations

from contextlib import suppress

import psutil


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds, user and system, of process `pid` and its living descendants."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def memory_mb(pid: int) -> float:
    """Return the resident memory, in MB of 2^20 bytes, of process `pid` and its descendants."""
    total = 0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / 2**20


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
