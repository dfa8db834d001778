from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import psutil
import pytest

from satellite.services import supervisor as module
from satellite.services.supervisor import Change, Program, Restarts, State, Supervisor, SupervisorError, server_program
from wyoming_servers.wire import describe

SMALL = Path(__file__).parents[1] / "small_server.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def small(job: str = "asr", uri: str = "") -> Program:
    uri = uri or f"tcp://127.0.0.1:{free_port()}"
    return Program(job, uri, (sys.executable, "-P", str(SMALL), job, "--uri", uri))


def script(text: str, uri: str = "") -> Program:
    uri = uri or f"tcp://127.0.0.1:{free_port()}"
    return Program("asr", uri, (sys.executable, "-P", "-c", textwrap.dedent(text)))


class Log:
    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.lines: list[tuple[str, str]] = []
        self._heard = asyncio.Event()

    def watch(self, change: Change) -> None:
        self.changes.append(change)
        self._heard.set()

    def write(self, job: str, line: str) -> None:
        self.lines.append((job, line))
        self._heard.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():
                self._heard.clear()
                await self._heard.wait()

    def states(self, job: str = "asr") -> list[State]:
        return [change.state for change in self.changes if change.job == job]

    def pids(self) -> list[int]:
        return [change.pid for change in self.changes if change.state is State.STARTING and change.pid]


def gone(pid: int, within: float = 2.0) -> bool:
    """Return True when the process has ended, though nobody may have taken note; a kill needs a moment."""
    deadline = time.monotonic() + within
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# ---- when


def test_the_first_restart_is_at_once_and_later_ones_wait_longer() -> None:
    restarts = Restarts(random=lambda: 0.0)
    assert [restarts.after(1.0) for _ in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_who_stayed_up_begins_anew() -> None:
    restarts = Restarts(random=lambda: 0.0)
    assert list(islice((restarts.after(1.0) for _ in iter(int, 1)), 4)) == [0, 0.5, 1, 2]
    assert restarts.after(module.STEADY_S) == 0
    assert restarts.after(1.0) == 0.5


# ---- what


async def test_servers_come_up_and_go_down_with_the_block() -> None:
    log = Log()
    asr, tts = small("asr"), small("tts")
    async with Supervisor([asr, tts], watch=log.watch, output=log.write) as supervisor:
        await supervisor.ready(20)
        assert {change.state for change in supervisor.states.values()} == {State.READY}
        assert (await describe(asr.uri)).jobs == ["asr"]
        assert (await describe(tts.uri)).jobs == ["tts"]
        pids = [change.pid for change in supervisor.states.values()]
        assert len(set(pids)) == 2
    assert all(pid is not None and gone(pid) for pid in pids)
    assert log.states("asr") == log.states("tts") == [State.STARTING, State.READY, State.STOPPED]
    assert any(job == "tts" and "ready" in line for job, line in log.lines)
    assert any("has stopped" in line for _, line in log.lines), "ended by SIGTERM, in good order"


async def test_a_killed_server_is_back_within_three_seconds() -> None:
    log = Log()
    program = small()
    async with Supervisor([program], watch=log.watch, output=log.write) as supervisor:
        await supervisor.ready(20)
        first = supervisor.states["asr"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await log.until(lambda: log.states()[-1] is State.READY and len(log.pids()) == 2)
        assert (await describe(program.uri)).jobs == ["asr"]
    waiting = next(change for change in log.changes if change.state is State.WAITING)
    assert waiting.text == "was ended by signal 9 (Killed); starting it again"


async def test_what_a_server_left_running_ends_with_it() -> None:
    log = Log()
    program = script("""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(99)"])
        print(child.pid, flush=True)
        time.sleep(99)
    """)
    async with Supervisor([program], watch=log.watch, output=log.write):
        await log.until(lambda: bool(log.lines))
        child = int(log.lines[0][1])
        assert not gone(child, 0)
        os.kill(log.pids()[0], signal.SIGKILL)
        await log.until(lambda: len(log.lines) == 2)
        assert gone(child)
        child = int(log.lines[1][1])
        assert not gone(child, 0)
    assert gone(child)


async def test_one_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.3)
    log = Log()
    program = script("import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(99)")
    async with Supervisor([program], watch=log.watch, output=log.write):
        await log.until(lambda: bool(log.lines))
        (pid,) = log.pids()
    assert gone(pid)


async def test_wrong_options_are_told_and_not_tried_again() -> None:
    log = Log()
    good = small("tts")
    bad = Program("asr", uri := f"tcp://127.0.0.1:{free_port()}", (*small("asr", uri).command, "--no-such-option"))
    async with Supervisor([bad, good], watch=log.watch, output=log.write) as supervisor:
        with pytest.raises(SupervisorError, match=r"asr does not take its options: .*--no-such-option"):
            await supervisor.ready(20)
        await log.until(lambda: State.READY in log.states("tts"))
    assert log.states("asr") == [State.STARTING, State.FAILED]
    assert "\n" not in log.changes[-1].text


async def test_a_port_in_use_is_told_and_tried_again() -> None:
    log = Log()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with Supervisor([small("asr", f"tcp://127.0.0.1:{port}")], watch=log.watch) as supervisor:
            await log.until(lambda: len(log.changes) == 2)
            assert f"port {port} is in use by another program" in log.changes[0].text
            assert log.pids() == []
            other.close()
            await log.until(lambda: supervisor.states["asr"].state is State.READY)


async def test_a_socket_in_use_is_told(tmp_path: Path) -> None:
    path = tmp_path / "asr.socket"
    log = Log()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        async with Supervisor([small("asr", f"unix://{path}")], watch=log.watch):
            await log.until(lambda: bool(log.changes))
    assert f"another program listens at unix://{path}" in log.changes[0].text


async def test_one_that_keeps_failing_is_given_up_by_who_waits_but_not_by_us() -> None:
    log = Log()
    program = script("import sys; sys.exit('no model: pip install it')")
    async with Supervisor([program], watch=log.watch, output=log.write) as supervisor:
        with pytest.raises(SupervisorError, match="asr ended with status 1: no model: pip install it"):
            await supervisor.ready(20)
        assert supervisor.states["asr"].state is State.WAITING
        assert "starting it again in" in supervisor.states["asr"].text


async def test_one_that_is_not_to_be_restarted_fails_at_once(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    program = script("import sys; sys.exit('wyoming_servers.asr: the model is damaged')")
    async with Supervisor([program], watch=log.watch, output=log.write, restart=False) as supervisor:
        with pytest.raises(SupervisorError, match=r"^asr ended with status 1: the model is damaged$"):
            await supervisor.ready(20)
    assert log.states() == [State.STARTING, State.FAILED]
    assert not caplog.records  # who waited is told, once


async def test_one_that_never_answers_is_not_ready() -> None:
    async with Supervisor([script("import time; time.sleep(99)")]) as supervisor:
        with pytest.raises(SupervisorError, match=r"not ready after 0\.2 s: asr"):
            await supervisor.ready(0.2)


async def test_a_command_that_cannot_be_run_is_named() -> None:
    log = Log()
    program = Program("asr", f"tcp://127.0.0.1:{free_port()}", ("/no/such/python", "-m", "x"))
    async with Supervisor([program], watch=log.watch):
        await log.until(lambda: bool(log.changes))
    assert log.changes[0].text.startswith("/no/such/python cannot be run: No such file")


async def test_what_servers_write_is_passed_on_in_lines() -> None:
    log = Log()
    program = script(r"""
        import os, time
        os.write(1, b"one\n\ntw"); time.sleep(0.05); os.write(2, b"o\n\xff\xfe bytes\n")
        os.write(1, b"x" * 100_000 + b"\nlast without end")
    """)
    async with Supervisor([program], watch=log.watch, output=log.write):
        await log.until(lambda: State.WAITING in log.states())
    lines = [line for _, line in log.lines]
    assert lines[:3] == ["one", "two", "\ufffd\ufffd bytes"]
    assert lines[-1] == "last without end" or "last without end" in lines
    assert max(map(len, lines)) < 10_000
    assert sum(line.count("x") for line in lines) >= 100_000


async def test_addresses_of_our_own_are_not_a_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEARTH_HTTP", "HEARTH_URI_FILE", "HEARTH_ZEROCONF", "HEARTH_LIMIT_IDLE_S"):
        monkeypatch.setenv(name, "1")
    log = Log()
    program = script("import os; print(sorted(name for name in os.environ if name.startswith('HEARTH_')), flush=True)")
    async with Supervisor([program], output=log.write):
        await log.until(lambda: bool(log.lines))
    assert "HEARTH_LIMIT_IDLE_S" in log.lines[0][1]
    assert not any(name in log.lines[0][1] for name in ("HTTP", "URI", "ZEROCONF"))


async def test_lines_are_prefixed_with_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    async with Supervisor([script("print('hello')")], watch=log.watch):
        await log.until(lambda: State.WAITING in log.states())
    assert "   asr | hello\n" in capsys.readouterr().err


async def test_cancelling_in_the_middle_of_a_start_leaves_nothing() -> None:
    log = Log()
    before = set(psutil.Process().children())  # servers that other tests share
    async with Supervisor([small()], watch=log.watch, output=log.write):
        await asyncio.sleep(0)
    assert all(gone(pid) for pid in log.pids())
    assert not [child for child in set(psutil.Process().children()) - before if not gone(child.pid)]


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    program = small()
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent(f"""
        import asyncio
        from satellite.services.supervisor import Program, Supervisor
        async def main():
            async with Supervisor([Program("asr", {program.uri!r}, {program.command!r})]) as supervisor:
                await supervisor.ready(20)
                print(supervisor.states["asr"].pid, flush=True)
                await asyncio.sleep(99)
        asyncio.run(main())
        """)
    )
    with psutil.Popen([sys.executable, str(parent)], stdout=-1, stderr=-3, text=True) as process:
        child = int(process.stdout.readline())
        assert not gone(child, 0)
        process.kill()
        process.wait()
        assert gone(child, 5), "the server outlived its supervisor"


def test_our_own_servers_are_modules_and_advertised() -> None:
    tcp = server_program("asr", "tcp://127.0.0.1:10300", ["--debug"])
    assert tcp.command[1:] == (
        "-P", "-m", "wyoming_servers.asr", "--uri", "tcp://127.0.0.1:10300", "--zeroconf", "--debug",
    )  # fmt: skip
    assert "--zeroconf" not in server_program("asr", "unix:///tmp/asr.socket").command
