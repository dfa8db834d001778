"""One worker process of an engine, seen from its server: its life, and the calls that wait for its answers.

`wyoming_servers.worker` is the inside of it.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, Protocol

from models.engine import EngineError
from wyoming_servers import measures
from wyoming_servers.memory import memory_bytes
from wyoming_servers.wire import RequestError
from wyoming_servers.wire.secrets import without_secrets
from wyoming_servers.wire.tasks import ended_within

_LOGGER = logging.getLogger(__name__)

CALL_S = 30.0
"""A call into a worker process that takes longer is given up, and the process with it."""

START_S = 120.0
"""A worker process that is not ready by then is given up: a first start may have to build caches."""

LEARN = "learn"
"""The method that an engine has which need not be built anew where its arguments change."""

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Of a worker process. Two of glibc's arenas: each stream is called in a thread of its own, and with as many as glibc
makes for them (8 a core), free memory lies scattered. Whisper tiny held 330 MB after 120 streams that were broken off,
with two 200."""

_NATIVE_FAULTS = [-number for number in (signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT)]


class WorkerDied(RequestError):
    """The process that did the work is gone; a new one is being started."""

    code = "worker-died"


class EngineCrashed(EngineError):
    """The process ended while it built the engine, by a fault in native code; the message says how."""


class Watch(Protocol):
    """Hears of an engine's processes."""

    def came(self, pid: int, seconds: float) -> None:
        """A process is ready, `seconds` after its start."""

    def went(self, pid: int) -> None:
        """It has ended."""


class WorkerProcess:
    """One process and the calls that wait for its answers."""

    def __init__(self, factory: str, arguments: dict[str, Any], name: str, call_s: float, watch: Watch | None) -> None:
        self.name = name
        self.engine = name.partition("#")[0]
        self._call_s = call_s
        self._watch = watch
        self.streams = 0
        self.generation = 0
        self._factory = factory
        self.arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._calls = 0
        self._reading: asyncio.Task[None] | None = None
        self._numbers = 0
        self._ready = False
        self._killed = False
        self.idle: asyncio.TimerHandle | None = None
        """Ends the process where nobody comes meanwhile."""
        self.resting = False
        """True when the process was ended because nobody used it."""
        self.wanted = asyncio.Event()
        """Set when somebody waits for a place."""
        self.vacant = asyncio.Event()
        """Set while no stream is here."""
        self.vacant.set()

    def renewed(self, changes: dict[str, Any]) -> WorkerProcess:
        """Return another one for the same engine, with other arguments, to be started."""
        return WorkerProcess(self._factory, self.arguments | changes, self.name, self._call_s, self._watch)

    async def learn(self, changes: dict[str, Any]) -> None:
        """Let the engine's own `learn` take changes to its arguments; where it is away, it will be built with them.

        Raises `EngineError` where it cannot; then it goes on with those of before.
        """
        before, self.arguments = self.arguments, self.arguments | changes
        if not self._ready:
            return
        try:
            async with asyncio.timeout(START_S):
                await self.call((0, LEARN, (), changes))
        except TimeoutError:
            self.arguments = before
            raise EngineError(f"{self.name} did not learn within {START_S:g} s") from None
        except EngineError:
            self.arguments = before
            raise
        except WorkerDied:
            return  # it is started again

    @property
    def is_alive(self) -> bool:
        """Whether its engine can be asked."""
        return self._ready

    @property
    def end(self) -> str:
        """How the process ended."""
        status = self._process.returncode if self._process is not None else None
        if self._killed:
            return "was ended"
        if status is None or status >= 0:
            return f"ended with status {status}"
        name = signal.Signals(-status).name if -status in list(signal.Signals) else f"signal {-status}"
        if status == -signal.SIGKILL:
            return f"was killed ({name}; memory may be short)"
        return f"crashed in native code ({name})"

    def memory_bytes(self) -> int:
        """Return its resident memory, 0 where it is not alive."""
        return 0 if self._process is None or not self._ready else memory_bytes(self._process.pid)

    def next_number(self) -> int:
        """Return the number of one more stream."""
        self._numbers += 1
        return self._numbers

    async def start(self) -> dict[str, Any]:
        """Start the process and build its engine; raise `EngineError` or OSError, leaving none, where that fails."""
        self.resting = self._killed = False
        self.wanted.clear()
        began = asyncio.get_running_loop().time()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "wyoming_servers.worker", str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    env=without_secrets() | _ENVIRONMENT,
                )
            reader, self._writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        self.generation += 1
        self.streams = 0
        self.vacant.set()
        self._reading = asyncio.create_task(self._read(reader))
        try:
            async with asyncio.timeout(START_S):
                described: dict[str, Any] = {}
                arguments = None
                while arguments is not self.arguments:  # which it may have to learn meanwhile
                    arguments = self.arguments
                    described = await self.call((0, self._factory, (), arguments))
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise EngineError(f"{self.name} was not ready after {START_S:g} s") from None
            if isinstance(error, WorkerDied):
                of = f" of {model}" if (model := self.arguments.get("model")) else ""
                native = self._process.returncode in _NATIVE_FAULTS
                kind = EngineCrashed if native else EngineError
                raise kind(f"{self.name} {self.end} while its engine{of} was being built") from None
            raise
        self._ready = True
        measures.STARTS.labels(self.engine).inc()
        if self._watch is not None:
            self._watch.came(self._process.pid, asyncio.get_running_loop().time() - began)
        return described

    async def stop(self) -> None:
        """End the process: it stops by itself when its socket closes, and is killed where it does not."""
        self._ready = False
        self.leave_alone()
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
        if self._process is not None:
            if not await ended_within(self._process.wait(), 1.0):
                self._kill()
                await self._process.wait()
            if self._watch is not None:
                self._watch.went(self._process.pid)
        if self._reading is not None:
            await self._reading

    def leave_alone(self) -> None:
        """Do not end the process for want of use."""
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None

    def rest(self) -> None:
        """Let the process end."""
        self.resting = True
        self.wanted.clear()
        self._ready = False
        if self._writer is not None:
            self._writer.close()

    async def died(self) -> None:
        """Wait until the process is gone."""
        if self._process is not None and self._reading is not None:
            await asyncio.shield(self._reading)
            await self.stop()

    async def call(self, message: tuple[int, str, tuple[Any, ...], dict[str, Any]]) -> Any:
        """Return the answer to `message`: a stream's number, a method of it, and what that takes.

        Number 0 is the engine itself, which is built, or told to `LEARN`. Raises what the method raises, and
        `WorkerDied` where the process is gone or answers too late, which ends it. If cancelled, the call runs to its
        end unheard.
        """
        answer = asyncio.get_running_loop().create_future()
        self._send(message, answer)
        try:
            async with asyncio.timeout(None if message[0] == 0 else self._call_s):
                return await answer
        except TimeoutError:
            _LOGGER.error("%s took more than %g s for '%s'; ending it", self.name, self._call_s, message[1])  # noqa: TRY400
            self._kill()
            raise WorkerDied(f"{self.name} did not answer within {self._call_s:g} s") from None

    def post(self, message: tuple[int, str, tuple[Any, ...], dict[str, Any]]) -> None:
        """Send a message whose answer nobody waits for."""
        answer = asyncio.get_running_loop().create_future()
        answer.cancel()
        with suppress(WorkerDied):
            self._send(message, answer)

    def _send(self, message: tuple[int, str, tuple[Any, ...], dict[str, Any]], answer: asyncio.Future[Any]) -> None:
        if self._writer is None or self._writer.is_closing() or self._reading is None or self._reading.done():
            raise WorkerDied(f"{self.name} is being started again; try again shortly")
        self._calls += 1
        pickled = pickle.dumps((self._calls, *message))
        self._answers[self._calls] = answer
        self._writer.write(len(pickled).to_bytes(4, "little") + pickled)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "little")
                call, failed, value = pickle.loads(await reader.readexactly(length))  # noqa: S301 - from our own process
                answer = self._answers.pop(call)
                if answer.done():
                    continue
                if failed:
                    answer.set_exception(value)
                else:
                    answer.set_result(value)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._ready = False
            answers, self._answers = self._answers, {}
            for answer in answers.values():
                if not answer.done():
                    answer.set_exception(WorkerDied(f"{self.name} died in the middle of this request; send it again"))

    def _kill(self) -> None:
        self._ready = False
        self._killed = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
