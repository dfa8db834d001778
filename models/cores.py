"""How many cores are free, for engines that work in several threads.

llama.cpp's threads wait for each other many times a token, so one thread without a core stops all of them: on 2 cores
of which one had other work, 64 tokens a second with 1 thread became 7 with 2.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_LEAST_S = 0.2
"""Between two looks; a tick of the kernel's count is 0.01 s."""

_MOST_THREADS = 8
"""More find nothing to do: the weights come from memory, which is slower than that."""

_BUSY = (0, 1, 2, 5, 6, 7)
"""Of the columns of /proc/stat: user, nice, system, irq, softirq, steal."""


class Cores:
    """Those that this process may use, and what others do with them."""

    def __init__(self, *, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> None:
        self._proc = proc
        self._cpus = os.sched_getaffinity(0)
        self._usable = min(_physical(self._cpus, sys), _quota(sys))
        self._last = self._look()
        self._others = 0.0

    def threads(self) -> int:
        """Return how many threads to work with now, 1 to 8.

        One core is left for the rest of the house, and those that other processes kept busy since the last look.
        """
        now = self._look()
        seconds = now[0] - self._last[0]
        if seconds >= _LEAST_S:
            self._others = max(0.0, now[1] - self._last[1]) / seconds
            self._last = now
        return max(1, min(_MOST_THREADS, int(self._usable - 1 - self._others + 0.5)))

    def _look(self) -> tuple[float, float]:
        """Return the time, and the seconds of work of all processes but this one, of all cores together."""
        ticks = 0
        with suppress(OSError, ValueError, IndexError):  # where the kernel does not tell, nobody else works
            for line in (self._proc / "stat").read_text(encoding="ascii").splitlines():
                name, *columns = line.split()
                if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in self._cpus:
                    ticks += sum(int(columns[index]) for index in _BUSY)
        return time.monotonic(), ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


def _physical(cpus: set[int], sys: Path) -> int:
    """Return how many cores `cpus` are: two threads of one core get in each other's way."""
    cores = set()
    for cpu in cpus:
        try:
            core = (sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            core = str(cpu)
        cores.add(core)
    return len(cores)


def _quota(sys: Path) -> float:
    """Return how many cores a container may use."""
    with suppress(OSError, ValueError):
        most, period = (sys / "fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if most != "max":
            return max(1.0, int(most) / int(period))
    return float("inf")
