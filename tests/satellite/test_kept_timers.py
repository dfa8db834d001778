from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from wyoming.timer import TimerStarted

from bench.assistant import home_assistant
from satellite.kept_timers import LATE_S, KeptTimers, boot_id, timers_file
from satellite.services.rehearsal import free_ports
from satellite.timers import MOST, Timers
from tests.satellite.home_assistant.running import satellite
from tests.satellite.houses import until

MINUTE = 60.0
LONG_AGO = 1_000_000_000.0


class Machine:
    """A machine with a satellite, whose clocks are the test's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = 500.0
        self.wall = 1_790_000_000.0
        self.boot = "first"
        self.kept: KeptTimers | None = None

    @asynccontextmanager
    async def satellite(self) -> AsyncIterator[Timers]:
        timers = Timers(lambda: self.clock)
        self.kept = KeptTimers(timers, self.path, clock=lambda: self.clock, wall=lambda: self.wall, boot=self.boot)
        async with self.kept:
            yield timers

    def goes_on(self, seconds: float) -> None:
        self.clock += seconds
        self.wall += seconds

    def starts_anew(self, *, after: float, knows_time: bool = True) -> None:
        """Let the machine have been off."""
        self.boot += "+"
        self.clock = 20.0
        if knows_time:
            self.wall += after

    def clock_is_set(self, by: float) -> None:
        assert self.kept is not None
        self.wall += by
        self.kept.look()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(timers_file(tmp_path / "new", "Küche 🍳"))


def left(timers: Timers) -> dict[str, int]:
    return {timer["name"]: timer["seconds_left"] for timer in timers.listed()}


async def test_timers_go_on_when_the_satellite_is_started_again(machine: Machine) -> None:
    async with machine.satellite() as timers:
        egg = timers.set(10 * MINUTE, "egg 🥚")
        gone = timers.set(MINUTE, "gone")
        timers.cancel(gone.id)
    machine.goes_on(MINUTE)
    async with machine.satellite() as timers:
        assert left(timers) == {"egg 🥚": 9 * MINUTE}
        assert egg.id in timers
        machine.goes_on(9 * MINUTE - 1)
        assert timers.due() is None
        machine.goes_on(1)
        assert (due := timers.due()) is not None
        assert (due.id, due.seconds) == (egg.id, 10 * MINUTE)
    assert stat.S_IMODE(machine.path.stat().st_mode) == 0o600


async def test_it_is_written_at_once_and_not_only_when_it_ends(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timer = timers.set(MINUTE)
        await until(lambda: machine.path.exists() and timer.id in machine.path.read_text())
        timers.cancel(timer.id)
        await until(lambda: timer.id not in machine.path.read_text())


@pytest.mark.parametrize("anew", [False, True], ids=["restart", "reboot"])
async def test_what_ran_out_meanwhile_rings_at_once_but_not_long_after(machine: Machine, anew: bool) -> None:
    async with machine.satellite() as timers:
        timers.set(MINUTE, "long ago")
        timers.set(3 * MINUTE, "just now")
        timers.set(LATE_S + 10 * MINUTE, "later")
    if anew:
        machine.starts_anew(after=LATE_S + 2 * MINUTE)
    else:
        machine.goes_on(LATE_S + 2 * MINUTE)
    async with machine.satellite() as timers:
        assert left(timers) == {"just now": 0, "later": 8 * MINUTE}
        assert (due := timers.due()) is not None
        assert due.name == "just now"


async def test_one_that_rang_while_it_was_killed_rings_on_but_not_anew(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timer = timers.set(1)
        machine.goes_on(1)
        for _ in range(3):
            timers.rang(timer)
    machine.goes_on(10)
    async with machine.satellite() as timers:
        assert (due := timers.due()) is not None
        assert due.rang == 3
        assert timers.ringing


@pytest.mark.parametrize("anew", [False, True], ids=["restart", "reboot"])
async def test_one_that_is_paused_stands_still_meanwhile(machine: Machine, anew: bool) -> None:
    async with machine.satellite() as timers:
        timer = timers.set(MINUTE, "egg")
        timers.change(timer.id, 30, paused=True)
    if anew:
        machine.starts_anew(after=LATE_S * 2)
    else:
        machine.goes_on(LATE_S * 2)
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": 30}
        assert (timers.paused(timer.id), timers.due(), timers.next_at) == (True, None, None)
        timers.change(timer.id, 30, paused=False)
        machine.goes_on(30)
        assert timers.due() is not None


# ---- clocks


async def test_a_wall_clock_that_is_set_does_not_change_a_timer_that_was_set_since_the_machines_start(
    machine: Machine,
) -> None:
    async with machine.satellite() as timers:
        timers.set(10 * MINUTE, "egg")
        machine.clock_is_set(by=LONG_AGO)
        assert left(timers) == {"egg": 10 * MINUTE}
    machine.wall -= 5 * LATE_S  # and again, while nobody looks
    machine.goes_on(MINUTE)
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": 9 * MINUTE}
        machine.clock_is_set(by=2 * LONG_AGO)
        assert left(timers) == {"egg": 9 * MINUTE}


async def test_without_a_clock_battery_they_are_set_right_when_the_clock_is(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(10 * MINUTE, "egg")
    machine.starts_anew(after=4 * MINUTE, knows_time=False)
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": 10 * MINUTE}, "as far as anybody knows it was off for no time"
        timers.set(10 * MINUTE, "tea")
        machine.goes_on(30)
        machine.clock_is_set(by=4 * MINUTE)
        assert left(timers) == {"egg": 5.5 * MINUTE, "tea": 9.5 * MINUTE}


async def test_a_wall_clock_that_stands_before_the_past_lets_no_timer_ring_later(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(10 * MINUTE, "egg")
    machine.starts_anew(after=-LONG_AGO)  # it begins at the day on which its system was made
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": 10 * MINUTE}
        machine.goes_on(MINUTE)
        machine.clock_is_set(by=LONG_AGO - MINUTE)
        assert left(timers) == {"egg": 9 * MINUTE}, "that is still before the satellite ended"
        machine.clock_is_set(by=3 * MINUTE)
        assert left(timers) == {"egg": 7 * MINUTE}


async def test_one_that_was_over_long_ago_is_forgotten_when_the_clock_is_set(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(10 * MINUTE, "egg")
    machine.starts_anew(after=0)
    async with machine.satellite() as timers:
        machine.clock_is_set(by=3600 * 5)
        assert left(timers) == {}


async def test_a_satellite_that_is_started_again_before_the_clock_is_set_still_follows_it(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(10 * MINUTE, "egg")
    machine.starts_anew(after=0)
    async with machine.satellite():
        machine.goes_on(MINUTE)
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": 9 * MINUTE}
        machine.clock_is_set(by=4 * MINUTE)
        assert left(timers) == {"egg": 5 * MINUTE}


async def test_a_reboot_after_the_clock_was_set_counts_from_the_right_time(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(100 * MINUTE, "roast")
        machine.clock_is_set(by=LONG_AGO)
    machine.starts_anew(after=MINUTE)
    async with machine.satellite() as timers:
        assert left(timers) == {"roast": 99 * MINUTE}


async def test_one_that_home_assistant_has_changed_since_does_not_follow_the_clock(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timer = timers.set(10 * MINUTE, "egg")
    machine.starts_anew(after=0)
    async with machine.satellite() as timers:
        timers.change(timer.id, 2 * MINUTE, paused=False)
        machine.clock_is_set(by=5 * MINUTE)
        assert left(timers) == {"egg": 2 * MINUTE}


# ---- what can be wrong with the file


def a_file(**changed: Any) -> bytes:
    timer = {"id": "a", "name": "egg", "seconds": 60, "left": 60, "rang": 0, "by_wall": False}
    timer |= changed.pop("timer", {})
    return json.dumps({"boot": "b", "clock": 1, "wall": 1, "off": 0, "timers": [timer]} | changed).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (a_file()[:60], "no JSON"),
        (b"\xff\0", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b" " * 1_000_000, "more than"),
        (b"null", "takes an object"),
        (a_file(timers=5), "a list of objects"),
        (a_file(timers=[5]), "takes an object, not 5"),
        (a_file(timers=[{}] * (MOST + 1)), f"at most {MOST} can be"),
        (a_file(clock="now"), "'clock' of 'timers'"),
        (a_file(clock=-1), "'clock' of 'timers'"),
        (a_file(wall=1e300), "'wall' of 'timers'"),
        (a_file(timer={"id": ""}), "1 to 128 characters"),
        (a_file(timer={"name": "x" * 65}), "at most 64"),
        (a_file(timer={"left": 1e12}), "'left' of"),
        (a_file(timer={"rang": 5}), "'rang' of"),
        (a_file().replace(b"60", b"NaN"), "'seconds' of"),
    ],
)
async def test_a_file_that_makes_no_sense_is_told_and_set_aside(
    machine: Machine, content: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine.path.parent.mkdir()
    machine.path.write_bytes(content)
    async with machine.satellite() as timers:
        assert list(timers) == []
        timers.set(MINUTE, "new")
    assert why in caplog.text
    aside = machine.path.with_name(machine.path.name + ".broken")
    assert f"it is now {aside.name}" in caplog.text
    assert aside.read_bytes() == content
    async with machine.satellite() as timers:
        assert left(timers) == {"new": MINUTE}


async def test_a_length_that_cannot_be_costs_one_timer_alone(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.path.parent.mkdir()
    kept = json.loads(a_file(wall=machine.wall))
    kept["timers"].append(kept["timers"][0] | {"id": "b", "seconds": 0})
    machine.path.write_text(json.dumps(kept))
    async with machine.satellite() as timers:
        assert left(timers) == {"egg": MINUTE}
    assert "a timer from before is forgotten" in caplog.text


async def test_a_pipe_in_its_place_is_not_waited_for(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.path.parent.mkdir()
    os.mkfifo(machine.path)
    async with asyncio.timeout(60), machine.satellite() as timers:
        timers.set(MINUTE)
    assert "it is no file" in caplog.text


async def test_a_folder_that_cannot_be_written_is_told_and_timers_ring(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    machine = Machine(tmp_path / "file" / "timers")
    async with machine.satellite() as timers:
        timers.set(MINUTE)
        await until(lambda: "timers will be forgotten" in caplog.text)
        machine.goes_on(MINUTE)
        assert timers.due() is not None


async def test_a_name_that_is_no_text_can_be_kept(machine: Machine) -> None:
    async with machine.satellite() as timers:
        timers.set(MINUTE, "half of an emoji \ud83c")
    async with machine.satellite() as timers:
        assert left(timers) == {"half of an emoji \ud83c": MINUTE}


def test_a_start_of_the_machine_has_an_id() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) in {0, 36}


# ---- a real process


async def test_timers_of_home_assistant_ring_although_the_satellite_was_killed(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    async with satellite(tmp_path, uri) as process, home_assistant(uri) as assistant:
        await assistant.until(lambda me: me.info is not None)
        await assistant.send(TimerStarted(id="soon", total_seconds=2).event())
        await assistant.send(TimerStarted(id="later", total_seconds=3600).event())
        await until(lambda: any("later" in path.read_text() for path in tmp_path.glob("timers-*.json")))
        process.kill()
        await process.wait()
    async with satellite(tmp_path, uri):  # and Home Assistant does not come back
        await until(lambda: list((tmp_path / "said").glob("timer-*.wav")))
        kept = timers_file(tmp_path, gethostname())
        await until(lambda: '"soon"' not in kept.read_text())
        assert '"later"' in kept.read_text()
