import os
import time
from pathlib import Path

import pytest

from models.cores import Cores


class Machine:
    """Eight processors, whose work and clock stand still unless told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, siblings: int = 1) -> None:
        self.proc, self.sys = folder / "proc", folder / "sys"
        self.now = self.mine = 0.0
        for cpu in range(8):
            topology = self.sys / f"devices/system/cpu/cpu{cpu}/topology"
            topology.mkdir(parents=True)
            (topology / "thread_siblings_list").write_text(f"{cpu // siblings}\n")
        self.proc.mkdir()
        self.work(0.0)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.mine)

    def work(self, seconds: float) -> None:
        """Let all have worked so long together, since the start."""
        ticks = int(seconds * os.sysconf("SC_CLK_TCK"))
        lines = [f"cpu0 {ticks} 0 0 999 999 0 0 0 0 0", *(f"cpu{cpu} 0 0 0 999 0 0 0 0 0 0" for cpu in range(1, 9))]
        (self.proc / "stat").write_text("cpu  77 7 7 7 7 7 7 7 7 7\n" + "\n".join(lines) + "\nintr 1\n")

    def cores(self) -> Cores:
        return Cores(proc=self.proc, sys=self.sys)


def test_one_core_is_left_to_the_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(tmp_path, monkeypatch).cores().threads() == 7


def test_two_threads_of_a_core_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(tmp_path, monkeypatch, siblings=2).cores().threads() == 3


@pytest.mark.parametrize(("quota", "threads"), [("max 100000", 7), ("300000 100000", 2), ("50000 100000", 1)])
def test_a_container_s_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, threads: int) -> None:
    machine = Machine(tmp_path, monkeypatch)
    (machine.sys / "fs/cgroup").mkdir(parents=True)
    (machine.sys / "fs/cgroup/cpu.max").write_text(f"{quota}\n")
    assert machine.cores().threads() == threads


def test_cores_with_other_work_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch)
    found = machine.cores()
    machine.now = 10.0
    machine.work(43.0)
    machine.mine = 10.0  # of which this process did some
    assert found.threads() == 4
    machine.now = 10.1  # too soon to tell anything new
    machine.work(44.0)
    assert found.threads() == 4
    machine.now = 20.0
    assert found.threads() == 7
    machine.now = 30.0
    machine.work(144.0)
    assert found.threads() == 1


def test_a_system_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch)
    (machine.proc / "stat").unlink()
    assert machine.cores().threads() == 7
