"""Servers as processes of their own, kept running.

A server that dies is started again: at once the first time, later with growing back-off, from the beginning once it has
stayed up. One that was given wrong options is not: nothing would change. Every process ends with the supervisor,
however that one ends.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random as _random
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from satellite.backoff import backoff
from wyoming_servers.wire import Tcp, WireError, describe, parse_uri
from wyoming_servers.wire.background import Background
from wyoming_servers.wire.parent import PARENT_VARIABLE
from wyoming_servers.wire.secrets import without_secrets
from wyoming_servers.wire.tasks import ended_within

_LOGGER = logging.getLogger(__name__)

_ADDRESSES = {"HEARTH_URI", "HEARTH_ZEROCONF", "HEARTH_HTTP"}

STOP_S = 5.0
"""How long a server may take to end after SIGTERM; then it is killed."""

STEADY_S = 5.0
"""Who lived this long is well: the back-off begins anew."""

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_HOPELESS = 4
"""So many troubles in a row, before it was ever ready, are not chance."""
_WRONG_OPTIONS = 2  # argparse's exit status
_LINE_BYTES = 4096
_LAST_WORDS_S = 0.5
"""How long to read what a dead server wrote."""


class SupervisorError(Exception):
    """A server will not come up; the message says which and why."""


class State(StrEnum):
    """What a server does."""

    STARTING = "starting"
    READY = "ready"  # answers describe
    WAITING = "waiting"  # for its next start
    FAILED = "failed"  # and will not be started again
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Program:
    """A server to keep running."""

    job: str
    """Its name, unique here."""

    uri: str
    """Where it will listen."""

    command: tuple[str, ...]

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that it alone is given."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a server."""

    job: str
    state: State
    pid: int | None = None
    text: str = ""
    """One line for people, where there is something to say."""


def server_program(
    job: str, uri: str, arguments: Sequence[str] = (), secrets: Mapping[str, str] | None = None
) -> Program:
    """Return our own server for `job`, advertised; `-P` keeps the current folder's modules from shadowing ours."""
    advertised = ("--zeroconf",) if isinstance(parse_uri(uri), Tcp) else ()
    module = ("-P", "-m", f"wyoming_servers.{job}")
    return Program(job, uri, (sys.executable, *module, "--uri", uri, *advertised, *arguments), secrets or {})


class Restarts:
    """When to start a server again that has ended."""

    def __init__(self, random: Callable[[], float] = _random.random) -> None:
        self._random = random
        self._waits = self._anew()

    def after(self, lived_s: float) -> float:
        """Return the seconds to wait, for a server that lived for `lived_s` seconds."""
        if lived_s >= STEADY_S:
            self._waits = self._anew()
        return next(self._waits)

    def _anew(self) -> Iterator[float]:
        return chain([0.0], backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, random=self._random))


class Supervisor(Background):
    """Runs programs for the length of an `async with` block.

    `watch` hears of every change. `output` takes what the servers write, line by line, with the job's name. Without
    `restart` a server that ends has failed for good: who needs it for a moment only need not wait for its next try.
    Leaving the block, cancelled or not, ends every process: asked to first, killed with all it started after `STOP_S`
    seconds.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        watch: Callable[[Change], None] = lambda _: None,
        output: Callable[[str, str], None] | None = None,
        restart: bool = True,
    ) -> None:
        self.states: dict[str, Change] = {program.job: Change(program.job, State.WAITING) for program in programs}
        """The newest change of each job."""
        self._programs = programs
        self._watch = watch
        self._output = output or _write_prefixed
        self._restart = restart
        self._awaited = False
        self._last_line: dict[str, str] = {}
        self._troubles = {program.job: deque[str](maxlen=_HOPELESS) for program in programs}
        """What went wrong with each job since it was last ready."""
        self._changed = asyncio.Event()

    async def ready(self, timeout: float) -> None:
        """Return when every server answers `describe`.

        Raises `SupervisorError` when one has failed for good, has failed again and again, or `timeout` seconds are
        over. The servers go on being tried.
        """
        self._awaited = True
        try:
            async with asyncio.timeout(timeout):
                while missing := [job for job, change in self.states.items() if change.state is not State.READY]:
                    for job in missing:
                        troubles = self._troubles[job]
                        if self.states[job].state is State.FAILED or len(troubles) == _HOPELESS:
                            raise SupervisorError(f"{job} {troubles[-1]}")
                    await self._changed.wait()
        except TimeoutError:
            late = [f"{job} {next(reversed(self._troubles[job]), '')}".strip() for job in missing]
            raise SupervisorError(f"not ready after {timeout:g} s: {', '.join(late)}") from None
        finally:
            self._awaited = False

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for program in self._programs:
                group.create_task(self._keep(program), name=f"supervise {program.job}")

    async def _keep(self, program: Program) -> None:
        """Start `program` again and again, until cancelled or until that makes no sense."""
        restarts = Restarts()
        try:
            while True:
                started = time.monotonic()
                status = None
                text = _occupied(program.uri)
                if text is None:
                    status = await self._live(program)
                    text = self._epitaph(program, status)
                self._troubles[program.job].append(text)
                if status == _WRONG_OPTIONS or not self._restart:
                    self._tell(Change(program.job, State.FAILED, text=text))
                    return
                wait = restarts.after(time.monotonic() - started)
                again = f"starting it again in {wait:.1f} s" if wait else "starting it again"
                self._tell(Change(program.job, State.WAITING, text=f"{text}; {again}"))
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self._tell(Change(program.job, State.STOPPED))
            raise

    async def _live(self, program: Program) -> int | None:
        """Run the process for one life; return its exit status, negative for a signal, or None where none began."""
        self._last_line.pop(program.job, None)
        try:
            process, output = await _start(program)
        except OSError as error:
            self._last_line[program.job] = f"{program.command[0]} cannot be run: {error.strerror}"
            return None
        self._tell(Change(program.job, State.STARTING, process.pid))
        log = asyncio.create_task(self._relay(program.job, output), name=f"log of {program.job}")
        greeting = asyncio.create_task(self._greet(program, process.pid), name=f"wait for {program.job}")
        try:
            return await process.wait()
        finally:
            greeting.cancel()
            await _end(process)
            await asyncio.wait([log], timeout=_LAST_WORDS_S)
            log.cancel()
            await asyncio.wait([log, greeting])

    async def _greet(self, program: Program, pid: int) -> None:
        """Tell when the server answers."""
        for wait in backoff(0.05, 0.5, factor=1.5):
            with suppress(WireError):
                await describe(program.uri)
                break
            await asyncio.sleep(wait)
        self._troubles[program.job].clear()
        self._tell(Change(program.job, State.READY, pid))

    async def _relay(self, job: str, output: int) -> None:
        """Pass on what the process writes to the pipe `output`, line by line; a line without end is cut."""
        reader = asyncio.StreamReader()
        with open(output, "rb", buffering=0) as pipe:  # noqa: ASYNC230 - a descriptor, which is there at once
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), pipe
            )
            try:
                rest = b""
                while chunk := await reader.read(_LINE_BYTES):
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        self._write(job, line)
                    if len(rest) > _LINE_BYTES:
                        self._write(job, rest)
                        rest = b""
                self._write(job, rest)
            finally:
                transport.close()

    def _write(self, job: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            self._last_line[job] = text
            self._output(job, text)

    def _epitaph(self, program: Program, status: int | None) -> str:
        last = self._last_line.get(program.job, "").removeprefix(f"wyoming_servers.{program.job}: ")
        if status is None:
            return last
        if status == _WRONG_OPTIONS:
            return f"does not take its options: {last or ' '.join(program.command)}"
        if status < 0:
            return f"was ended by signal {-status} ({signal.strsignal(-status)})"
        return f"ended with status {status}" + (f": {last}" if last else "")

    def _tell(self, change: Change) -> None:
        self.states[change.job] = change
        log = {State.FAILED: _LOGGER.error, State.WAITING: _LOGGER.warning}.get(change.state, _LOGGER.debug)
        if change.state is State.FAILED and self._awaited:  # who waits in `ready` is told
            log = _LOGGER.debug
        log("%s %s", change.job, change.text or change.state)
        self._changed.set()
        self._changed = asyncio.Event()
        self._watch(change)


async def _start(program: Program) -> tuple[Process, int]:
    """Start a process; return it, and the end of a pipe that gives what it writes. Raises OSError.

    The pipe is ours and not asyncio's, whose `Process.wait` would wait for everybody who holds the pipe: for the
    workers, too, that a dead server left behind.
    """
    output, its_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=DEVNULL,
            stdout=its_end,
            stderr=its_end,
            start_new_session=True,  # a Ctrl-C at the terminal is for us, who then stop it in good order
            env=_environment(program),
        )
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(its_end)
    return process, output


def _environment(program: Program) -> dict[str, str]:
    """Return the environment of a server: ours, without what is said of one address and would be had by all of them.

    A container says HEARTH_HTTP for its own process; what holds for a server is on its command line, and what is secret
    in its `secrets`.
    """
    theirs = {name: value for name, value in without_secrets().items() if name.removesuffix("_FILE") not in _ADDRESSES}
    return {**theirs, **program.secrets, PARENT_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"}


async def _end(process: Process) -> None:
    """End `process`, in good order if it is still there, and whatever it left behind."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        if not await ended_within(process.wait(), STOP_S):
            _LOGGER.warning("process %d did not end within %g s; killing it", process.pid, STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _occupied(uri: str) -> str | None:
    """Say in one line who is in the way at `uri`; None where nobody is, or where the server will tell better."""
    target = parse_uri(uri)
    try:
        if isinstance(target, Tcp):
            family, kind, protocol, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)[
                0
            ]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        else:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.setblocking(False)
                probe.connect(target.path)
                return f"another program listens at {uri}; stop that one, or choose another path"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {uri.rpartition(':')[2]} is in use by another program; stop that one, or choose another port"
    return None


def _write_prefixed(job: str, line: str) -> None:
    sys.stderr.write(f"{job:>6} | {line}\n")
