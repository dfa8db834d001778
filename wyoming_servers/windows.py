"""Windows of many listeners, put together into one call of their engine.

A call begins as soon as there is a window, but no sooner than `_TICK_S` after the one before it has begun, and when
that has ended. So a listener alone waits for nothing, and a hundred of them cost a hundred calls a second: the crossing
to the worker process is paid for once a tick, and the engine works on what has come since in one batch.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from wyoming_servers.wire import Busy
from wyoming_servers.wire.tasks import first_of
from wyoming_servers.workers import Stream

_TICK_S = 0.01

_WINDOWS = 256
"""In one call, about 10 ms of work, shared by all who wait: who sends an hour at once holds nobody up for longer."""


class Listener:
    """A stream of the engine, with its place, and the sound that waits to be heard."""

    def __init__(self, stream: Stream, place: tuple[int, int]) -> None:
        self.stream = stream
        self.process, self.slot = place
        self.waiting = b""
        """Whole windows."""
        self.found: list[float] = []
        self.done: asyncio.Future[list[float]] | None = None

    @classmethod
    async def at(cls, stream: Stream) -> Listener:
        """Ask for the place of `stream`."""
        return cls(stream, await stream.call("place"))


class Windows:
    """What all listeners of a server share."""

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        self._listeners: dict[Listener, None] = {}  # who waits, in the order in which they came
        self._somebody = asyncio.Event()
        self._open = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have windows judged for the length of a block; who still waits at its end is told `Busy`.

        An error of the block comes out of it as it is.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                calling = tasks.create_task(self._call())
                self._open = True
                try:
                    yield
                finally:
                    self._open = False
                    calling.cancel()
                    _refuse(self._listeners, _stopping())
        except BaseExceptionGroup as group:
            raise first_of(group) from None

    async def judge(self, listener: Listener, pcm: bytes) -> list[float]:
        """Return the probabilities of the whole windows in `pcm`.

        One at a time for each listener. Raises what the call of the engine raises, `Busy` outside of `open`. If
        cancelled, what has not gone to the engine yet is dropped.
        """
        if not pcm:
            return []
        if not self._open:
            raise _stopping()
        listener.waiting, listener.found = pcm, []
        listener.done = asyncio.get_running_loop().create_future()
        self._listeners[listener] = None
        self._somebody.set()
        try:
            return await listener.done
        finally:
            self._listeners.pop(listener, None)

    async def _call(self) -> None:
        """Call the engine tick by tick while somebody waits."""
        loop = asyncio.get_running_loop()
        began = -math.inf
        while True:
            if not self._listeners:
                self._somebody.clear()
                await self._somebody.wait()
            if (early := began + _TICK_S - loop.time()) > 0:
                await asyncio.sleep(early)
            if not self._listeners:  # they have gone meanwhile
                continue
            began = loop.time()
            process = next(iter(self._listeners)).process  # after a crash, some may still be in the old one
            listeners = [listener for listener in self._listeners if listener.process == process]
            for listener in listeners:
                del self._listeners[listener]
            await self._hear(listeners)

    async def _hear(self, listeners: list[Listener]) -> None:
        """Have one process hear the next windows of `listeners`, all of which are in it."""
        share = max(1, _WINDOWS // len(listeners)) * self._window_bytes
        heard = [(listener.slot, listener.waiting[:share]) for listener in listeners]
        try:
            told = await listeners[0].stream.call("hear", heard)
            for listener, found in zip(listeners, told, strict=True):
                self._heard(listener, found, share)
        except asyncio.CancelledError:
            _refuse(listeners, _stopping())
            raise
        except Exception as error:  # noqa: BLE001 - the session of each tells its client
            _refuse(listeners, error)

    def _heard(self, listener: Listener, found: list[float], share: int) -> None:
        listener.found += found
        listener.waiting = listener.waiting[share:]
        if listener.done is None or listener.done.done():
            return
        if listener.waiting:
            self._listeners[listener] = None
        else:
            listener.done.set_result(listener.found)


def _stopping() -> Busy:
    return Busy("the server is stopping", "stopping")


def _refuse(listeners: Iterable[Listener], error: Exception) -> None:
    for listener in listeners:
        if listener.done is not None and not listener.done.done():
            listener.done.set_exception(error)
