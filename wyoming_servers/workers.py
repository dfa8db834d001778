"""Where models run: in processes of their own, so that the server's reader never waits for the interpreter's lock.

They are bounded: when every worker has work and the queue is full, the next request is told `busy`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from models.engine import EngineError
from wyoming_servers import measures
from wyoming_servers.process import CALL_S, START_S, Watch, WorkerDied, WorkerProcess
from wyoming_servers.wire import Busy

_LOGGER = logging.getLogger(__name__)

_PLACE_S = 30.0
"""Longest wait for a worker process with a free place."""

_RETIRE_S = 300.0
"""Longest that a stream keeps a process which was replaced; a turn is over long before."""

_RESTART_S = (0.0, 0.1, 0.5, 2.0, 5.0)
"""Waits before a dead worker is started again, the last one repeated."""

_STEADY_S = 30.0
"""A worker that lived so long died of something new: the waits begin anew."""

_RUNNING: set[Processes] = set()


def problems() -> list[str]:
    """Return what keeps engines of this server from their work, a line each."""
    return [problem for engine in _RUNNING if (problem := engine.problem) is not None]


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
            WorkerProcess(factory, arguments or {}, f"{self.name}#{index}", call_s, watch) for index in range(count)
        ]
        self._streams = streams
        self._queue = queue
        self._keep_alive_s = keep_alive_s
        self._waiting: deque[asyncio.Future[Stream]] = deque()
        self._tasks: list[asyncio.Task[None]] = []  # by worker
        self._retiring: dict[asyncio.Task[None], WorkerProcess] = {}
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

    async def learn(self, changes: dict[str, Any]) -> None:
        """Let an engine that has a `learn` take `changes` to its arguments as it is, if they are any.

        So nothing of it is in memory twice, and it keeps what it has. Raises `EngineError` where it cannot; then it
        goes on as it was.
        """
        for worker in self._workers:
            if worker.arguments | changes != worker.arguments:
                await worker.learn(changes)

    async def _retire(self, worker: WorkerProcess, keeping: asyncio.Task[None]) -> None:
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
        longest = _PLACE_S if any(worker.is_alive for worker in self._workers) else START_S
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

    def _free(self) -> WorkerProcess | None:
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

    def _rest_later(self, worker: WorkerProcess) -> None:
        """End the process when nobody has used it for a while."""
        if self._keep_alive_s is not None:
            worker.leave_alone()
            worker.idle = asyncio.get_running_loop().call_later(self._keep_alive_s, self._rest, worker)

    def _rest(self, worker: WorkerProcess) -> None:
        if worker.is_alive and not worker.streams:
            _LOGGER.info("%s unloaded: nobody used it for %g s", worker.name, self._keep_alive_s)
            worker.rest()

    async def _keep(self, worker: WorkerProcess) -> None:
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

    def __init__(self, worker: WorkerProcess) -> None:
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
