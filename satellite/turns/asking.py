"""Asking whoever can do a job: one server after the other, until one has done it or nobody can.

A server that is lost may be back in a moment (it is restarted within 3 s), so those that went are asked again for a
while. One that refused, made no sense, or took the work and said nothing is not asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from wyoming.event import Event

from satellite.network.house import Servers
from wyoming_servers.wire import Connection, ConnectionLost, Limits, PeerError, WireError, answer, connect

if TYPE_CHECKING:
    from satellite.network.watch import Server

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

Attempt = Callable[[Connection, "Server"], Awaitable[T]]
"""Does a job with one server; raises `WireError` where that fails."""

_PAUSE_S = 0.2
_BUSY = {"busy", "idle"}
"""Codes of errors of a server that is well: it has no place now, or had no patience with a connection left unused."""

_RESTARTING = {"stopping", "stalled", "worker-died"}
_LIMITS = Limits(waiting_bytes=128 * 1024)
"""Small, so that a voice that is far ahead of the speaker waits, and its server sees that it is still being heard."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a turn waits, in seconds."""

    connect: float = 2.0

    silent: float = 8.0
    """For a server that took the work and sends nothing."""

    failing: float = 6.0
    """After the first failure at a stage, for another server, or the same one to be back."""

    turn: float = 600.0
    """For all of a turn, its answer said aloud."""


class StageFailed(Exception):
    """Nobody could do a job; the message says why."""

    def __init__(self, job: str, reason: str) -> None:
        super().__init__(f"{job}: {reason}")
        self.job = job


class Silent(ConnectionLost):
    """A server took the work and said nothing."""


class Asker:
    """The servers as one turn sees them: with connections that are made before they are needed."""

    def __init__(self, servers: Servers, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self.failures: list[str] = []
        """What went wrong with which server."""
        self._servers = servers
        self._warm: dict[str, asyncio.Task[Connection]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close what was not used."""
        for task in self._warm.values():
            task.cancel()
        for task in self._warm.values():
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                await task.result().close()
        self._warm.clear()

    def warm(self, *jobs: str) -> None:
        """Begin to connect to the first server of each job."""
        for job in jobs:
            for server in self._servers.candidates(job)[:1]:
                if server.uri not in self._warm:
                    self._warm[server.uri] = asyncio.create_task(self._connect(server.uri))

    async def ask(self, job: str, attempt: Attempt[T]) -> T:
        """Return what `attempt` makes of the first server of `job` with which it succeeds; raise `StageFailed`.

        Cancelling closes the connection, and that is the cancel on the wire.
        """
        loop = asyncio.get_running_loop()
        until = float("inf")
        reason = "no server was found"
        hopeless: set[str] = set()
        may_return = False
        while True:
            candidates = [server for server in self._servers.candidates(job) if server.uri not in hopeless]
            for server in candidates:
                try:
                    return await self._attempt(server, attempt)
                except WireError as error:
                    reason = f"{server.name} at {server.uri}: {error.text}"
                    _LOGGER.warning("%s: %s", job, reason)
                    self.failures.append(f"{job}: {reason}")
                    if _passes(error):
                        may_return = True
                    else:
                        hopeless.add(server.uri)
                    if error.code not in _BUSY:
                        self._servers.mark_failed(server)
                until = min(until, loop.time() + self.patience.failing)
                if loop.time() >= until:
                    break
            until = min(until, loop.time() + self.patience.failing)
            if loop.time() >= until or (hopeless and not candidates and not may_return):
                raise StageFailed(job, reason)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_PAUSE_S, until - loop.time())):
                    await self._servers.changed()

    async def next(self, connection: Connection) -> Event:
        """Return a server's next event.

        Raises `Silent` where there is none for a while, and else as `wyoming_servers.wire.answer`.
        """
        try:
            async with asyncio.timeout(self.patience.silent):
                return await answer(connection)
        except TimeoutError:
            raise Silent(f"it said nothing for {self.patience.silent:g} s") from None

    async def _attempt(self, server: Server, attempt: Attempt[T]) -> T:
        async with await self._connection(server.uri) as connection:
            return await attempt(connection, server)

    async def _connection(self, uri: str) -> Connection:
        """Return the connection that was made before, if it still lives, or else a new one."""
        task = self._warm.pop(uri, None)
        if task is not None:
            try:
                connection = await task
            except asyncio.CancelledError:
                task.cancel()
                raise
            except WireError:
                pass
            else:
                if connection.is_open:
                    return connection
                await connection.close()
        return await self._connect(uri)

    async def _connect(self, uri: str) -> Connection:
        return await connect(uri, timeout=self.patience.connect, limits=_LIMITS)


def _passes(error: WireError) -> bool:
    """Return True where the same server may do the same work in a moment."""
    if isinstance(error, PeerError):
        return error.code in _BUSY | _RESTARTING
    return isinstance(error, ConnectionLost) and not isinstance(error, Silent)
