"""Where models run: in processes of their own, so that the server's reader never waits for the interpreter's lock.

They are bounded: when every worker has work and the queue is full, the next request is told `busy`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from models.engine import EngineError

from . import measures
from .memory import memory_bytes
from .wire import Busy, RequestError
from .wire.tasks import ended_within

_LOGGER = logging.getLogger(__name__)

CALL_S = 30.0
"""A call into a worker process that takes longer is given up, and the process with it."""

_PLACE_S = 30.0
"""Longest wait for a worker process with a free place."""

_START_S = 120.0
"""A worker process that is not ready by then is given up: a first start may have to build caches."""

_RETIRE_S = 300.0
"""Longest that a stream keeps a process which was replaced; a turn is over long before."""

_RESTART_S = (0.0, 0.1, 0.5, 2.0, 5.0)
"""Waits before a dead worker is started again, the last one repeated."""

_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Of a worker process. Two of glibc's arenas: each stream is called in a thread of its own, and with as many as glibc
makes for them (8 a core), free memory lies scattered. Whisper tiny held 330 MB after 120 streams that were broken off,
with two 200."""

_STEADY_S = 30.0
"""A worker that lived so long died of something new: the waits begin anew."""


_NATIVE_FAULTS = [-number for number in (signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT)]


_RUNNING: set[Processes] = set()


def problems() -> list[str]:
    """Return what keeps engines of this server from their work, a line each."""
    return [problem for engine in _RUNNING if (problem := engine.problem) is not None]


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


class Processes:
    """An engine in processes of its own; each holds a few streams, every stream's state lives in one process."""

    def __init__(
        self,
        factory: str,
        arguments: dict[str, Any] | None = None,
        *,
        count: int = 2,
        streams: int = 1,
        queue: int = 8,
        call_s: float = CALL_S,
        keep_alive_s: float | None = None,
        watch: Watch | None = None,
        name: str | None = None,
    ) -> None:
        """`factory`, "module:function", is called in every process with `arguments` and returns the engine.

        `streams` is how many streams one process holds at once, `queue` how many requests may wait for a place. A call
        that takes longer than `call_s` is given up, and its process with it. A process without a stream for
        `keep_alive_s` is ended, and started again for the next one; None keeps it. `watch` is told of every process
        that is ready, and of its end. `name` is the engine's, in logs and figures (the factory's module).
        """
        self.name = name or factory.partition(":")[0]
        self._workers = [
            _Worker(factory, arguments or {}, f"{self.name}#{index}", call_s, watch) for index in range(count)
        ]
        self._streams = streams
        self._queue = queue
        self._keep_alive_s = keep_alive_s
        self._waiting: deque[asyncio.Future[Stream]] = deque()
        self._tasks: list[asyncio.Task[None]] = []  # by worker
        self._retiring: dict[asyncio.Task[None], _Worker] = {}
        self._queued = measures.QUEUED.labels(self.name)

    @property
    def problem(self) -> str | None:
        """Why nothing can be asked of it now; None where it works, or rests until somebody asks."""
        if any(worker.is_alive or worker.resting for worker in self._workers):
            return None
        return f"{self.name}: no process of this engine is ready"

    def memory_bytes(self) -> int:
        """Return the resident memory of its processes."""
        return sum(worker.memory_bytes() for worker in self._workers)

    async def start(self) -> dict[str, Any]:
        """Start every process and wait until its engine is warm.

        Returns the engine's public values (`name`, `version`, `languages`, …). Raises `EngineError` with the engine's
        own words where it cannot be loaded; no process is left then, nor when this is cancelled.
        """
        starting = [asyncio.create_task(worker.start()) for worker in self._workers]
        try:
            described = await asyncio.gather(*starting)
        except BaseException:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
            await self.close()
            raise
        self._tasks = [asyncio.create_task(self._keep(worker)) for worker in self._workers]
        _RUNNING.add(self)
        measures.QUEUE.labels(self.name).set_function(lambda: len(self._waiting))
        measures.MEMORY.labels(self.name).set_function(self.memory_bytes)
        for worker in self._workers:
            self._rest_later(worker)
        return described[0]

    async def renew(self, changes: dict[str, Any]) -> None:
        """Build the engine anew with `changes` to its arguments, if they are any.

        It is done one process after the other, while all of them serve. New streams go to the new processes; those that
        are open stay where they are, and a process ends with the last of them. Call it again only when it is done.
        Raises `EngineError` or OSError where a new process cannot be had, and then, as when this is cancelled, those
        that have not been replaced serve on.
        """
        for index, old in enumerate(self._workers):
            new = old.renewed(changes)
            if new.arguments == old.arguments:
                continue
            await new.start()
            self._workers[index] = new
            keeping, self._tasks[index] = self._tasks[index], asyncio.create_task(self._keep(new))
            keeping.cancel()
            retiring = asyncio.create_task(self._retire(old, keeping))
            self._retiring[retiring] = old
            retiring.add_done_callback(self._retiring.pop)
            self._admit()
            self._rest_later(new)

    async def _retire(self, worker: _Worker, keeping: asyncio.Task[None]) -> None:
        """End a process that was replaced, when its last stream is over."""
        try:
            await asyncio.wait([keeping])
            async with asyncio.timeout(_RETIRE_S):
                await worker.vacant.wait()
        except TimeoutError:
            _LOGGER.warning("%s was replaced %g s ago and is still in use; ending it", worker.name, _RETIRE_S)
        await worker.stop()

    async def close(self) -> None:
        """End every process."""
        _RUNNING.discard(self)
        tasks, workers = [*self._tasks, *self._retiring], [*self._workers, *self._retiring.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in workers))

    @asynccontextmanager
    async def stream(self, **arguments: Any) -> AsyncIterator[Stream]:
        """Open a stream of the engine (its `open(**arguments)`) for the length of a block, waiting for a place.

        Raises `Busy` when too many wait already, `WorkerDied` when the process dies, `EngineError` from `open`.
        """
        with measures.timed(self._queued):
            stream = await self._place()
        try:
            await stream.open(arguments)
            yield stream
        finally:
            self._leave(stream)

    async def _place(self) -> Stream:
        """Return a stream, not yet open, with a place of its own: who came first is served first."""
        self._admit()
        if len(self._waiting) >= self._queue and self._free() is None:
            raise Busy("every worker has work and the queue is full; try again shortly")
        place: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        longest = _PLACE_S if any(worker.is_alive for worker in self._workers) else _START_S
        try:
            async with asyncio.timeout(longest):
                return await place
        except BaseException as error:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place.done() and not place.cancelled() and place.exception() is None:
                self._leave(place.result())
            if isinstance(error, TimeoutError):
                raise Busy(f"no worker was free for {longest:g} s; try again shortly") from None
            raise

    def _leave(self, stream: Stream) -> None:
        stream.close()
        self._admit()
        self._rest_later(stream.worker)

    def _free(self) -> _Worker | None:
        ready = [worker for worker in self._workers if worker.is_alive and worker.streams < self._streams]
        return min(ready, key=lambda worker: worker.streams, default=None)

    def _admit(self) -> None:
        """Give the free places to those who wait."""
        while self._waiting and (worker := self._free()) is not None:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(Stream(worker))
        if self._waiting:
            for worker in self._workers:
                worker.wanted.set()

    def _refuse(self, error: Exception) -> None:
        """Tell those who wait why there will be no place."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)

    def _rest_later(self, worker: _Worker) -> None:
        """End the process when nobody has used it for a while."""
        if self._keep_alive_s is not None:
            worker.leave_alone()
            worker.idle = asyncio.get_running_loop().call_later(self._keep_alive_s, self._rest, worker)

    def _rest(self, worker: _Worker) -> None:
        if worker.is_alive and not worker.streams:
            _LOGGER.info("%s unloaded: nobody used it for %g s", worker.name, self._keep_alive_s)
            worker.rest()

    async def _keep(self, worker: _Worker) -> None:
        """Start `worker` again whenever it dies, or when somebody wants it again."""
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            started = loop.time()
            await worker.died()
            rested = worker.resting
            if rested:
                await worker.wanted.wait()
            else:
                if loop.time() - started > _STEADY_S:
                    tries = 0
                _LOGGER.warning("%s %s; starting it again", worker.name, worker.end)
                await asyncio.sleep(_RESTART_S[min(tries, len(_RESTART_S) - 1)])
                tries += 1
            try:
                await worker.start()
            except (EngineError, OSError) as error:
                _LOGGER.error("%s cannot be started: %s", worker.name, error)  # noqa: TRY400 - the text says it all
                if rested:
                    worker.rest()  # until the next who wants it, who may have more luck
                if not any(one.is_alive for one in self._workers):
                    self._refuse(EngineError(f"{worker.name} cannot be started: {error}"))
            self._admit()
            if worker.is_alive and not worker.streams:
                self._rest_later(worker)


class Stream:
    """One stream in a worker process."""

    def __init__(self, worker: _Worker) -> None:
        self.worker = worker
        self._generation = worker.generation
        self._number = worker.next_number()
        self._opened = False
        worker.streams += 1
        worker.vacant.clear()
        worker.leave_alone()

    async def open(self, arguments: dict[str, Any]) -> None:
        """Make the stream in its process."""
        self._opened = True
        await self.worker.call((self._number, "open", (), arguments))

    async def call(self, method: str, *args: Any) -> Any:
        """Return `stream.method(*args)`; arguments and result are pickled.

        One call at a time. Raises `EngineError` from the engine, `WorkerDied` when the process is gone. If cancelled,
        the call runs to its end unheard.
        """
        if self._generation != self.worker.generation:
            raise WorkerDied(f"{self.worker.name} died in the middle of this request; send it again")
        with measures.timed(measures.CALLS.labels(self.worker.engine, method)):
            return await self.worker.call((self._number, method, args, {}))

    def close(self) -> None:
        """Let the stream go, and its place."""
        if self._generation == self.worker.generation:
            self.worker.streams -= 1
            if not self.worker.streams:
                self.worker.vacant.set()
            if self._opened:
                self.worker.post((self._number, "close", (), {}))


class _Worker:
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

    def renewed(self, changes: dict[str, Any]) -> _Worker:
        """Return another one for the same engine, with other arguments, to be started."""
        return _Worker(self._factory, self.arguments | changes, self.name, self._call_s, self._watch)

    @property
    def is_alive(self) -> bool:
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
        return 0 if self._process is None or not self._ready else memory_bytes(self._process.pid)

    def next_number(self) -> int:
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
                    env=os.environ | _ENVIRONMENT,
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
            async with asyncio.timeout(_START_S):
                described: dict[str, Any] = await self.call((0, self._factory, (), self.arguments))
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise EngineError(f"{self.name} was not ready after {_START_S:g} s") from None
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
