"""What every server shares: connections that are always heard, whatever the model behind them is doing.

A connection's bytes are parsed as they arrive. `describe` and `ping` are answered there and then; all else goes, in
order, to the connection's `Session`, which may take as long as it likes. The end of a connection cancels its session.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from wyoming.event import Event, Eventable
from wyoming.info import Describe
from wyoming.ping import Ping, Pong

from models.engine import BadInput, EngineError
from wyoming_servers import measures
from wyoming_servers.door import Door, listen
from wyoming_servers.wire import (
    BadValue,
    Budget,
    Busy,
    Connection,
    ConnectionLost,
    Info,
    Limits,
    ProtocolError,
    RequestError,
    Tcp,
    Unix,
    WireError,
    encode,
    parse_uri,
)
from wyoming_servers.wire.tasks import ended_within

_LOGGER = logging.getLogger(__name__)

_GRACE_S = 1.0
"""How long a stopping server waits for the work under way."""

_END_S = 1.0
"""How long a session may take to release what it holds."""

_PING_CHARACTERS = 1024

_ACTIVE_S = 1.0
"""Who sent or was sent an event within it is not idle: a microphone, or somebody who has only just come."""

_STOPPING = Busy("the server is stopping", "stopping")
_INTERNAL = RequestError("an internal error; the server's log says more", "internal")
_NEEDED = Busy("the place of this idle connection was needed; connect again when needed")


class Client:
    """The peer, as its session sees it."""

    def __init__(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._tasks = tasks
        self._spawned: set[asyncio.Task[None]] = set()
        self.name = connection.peer

    async def send(self, *events: Event | Eventable) -> None:
        """Send `events`, waiting while the peer is slow to read; raise `ConnectionLost` when it is gone."""
        await self._connection.send(*events)

    def send_nowait(self, *events: Event | Eventable) -> None:
        """Send `events` without waiting, for short ones; raise `ConnectionLost` when the peer is gone.

        A peer that takes none of what waits for it is given up after `Limits.stalled_s`.
        """
        self._connection.send_nowait(*events)

    @property
    def silent_s(self) -> float:
        """Seconds since the peer's last byte."""
        return self._connection.silent_s

    def dismiss(self, reason: WireError) -> None:
        """Tell the peer `reason` and end the connection."""
        self._connection.fail(reason, linger=False)

    def be_patient(self, event_type: str, payload_bytes: int) -> None:
        """Let the session have no event of `event_type` before so many bytes have come; others end the waiting."""
        self._connection.be_patient(event_type, payload_bytes)

    def take(self, event_type: str) -> list[Event]:
        """Return further events of `event_type` that have come in already, so that they are worked on in one go."""
        return self._connection.take(event_type)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside the session; it is cancelled when the connection ends, and its `RequestError`s are sent."""
        task = self._tasks.create_task(self._guarded(work))
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        task.add_done_callback(lambda _: work.close())  # a task that is cancelled before its first step never began it
        return task

    @property
    def has_spawned(self) -> bool:
        """True while spawned work runs."""
        return bool(self._spawned)

    def cancel(self) -> None:
        """Cancel the spawned work."""
        for task in self._spawned:
            task.cancel()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - `tell` logs what nobody expected
            await self.tell(error)

    async def tell(self, error: Exception) -> None:
        """Send what went wrong as an `error` event; log it where it is our own mistake."""
        if isinstance(error, ConnectionLost | ProtocolError):
            return
        if isinstance(error, EngineError):
            error = BadValue(str(error)) if isinstance(error, BadInput) else RequestError(str(error), "engine")
        if not isinstance(error, WireError):
            _LOGGER.exception("%s: unexpected error", self.name, exc_info=error)
            error = _INTERNAL
        measures.ERRORS.labels(error.code).inc()
        with suppress(WireError):
            await self.send(error.event())


class Session(ABC):
    """What one client asks of a server: one object per connection."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._request: measures.Request | None = None

    def begin_request(self, event_type: str) -> None:
        """Count what the client asks for with `event_type`; where it fails, or the client goes, that ends it."""
        self.end_request("gone")
        self._request = measures.Request(event_type)

    def end_request(self, outcome: str = "ok") -> None:
        """Say that it is answered; does nothing where it was said before."""
        if self._request is not None:
            self._request.end(outcome)
            self._request = None

    @abstractmethod
    async def handle(self, event: Event) -> None:
        """Take one event; the next comes when this returns.

        A `RequestError` raised here is sent to the client, then `reset` is called. Cancelled when the connection ends.
        Events of types that the server does not know are dropped, as Wyoming asks.
        """

    async def reset(self) -> None:  # noqa: B027 - most sessions hold nothing
        """Forget the request under way; the next event may begin another."""

    async def end(self) -> None:  # noqa: B027
        """Release what is held: the connection is over. `handle` and spawned work have been cancelled."""


class Service:
    """A Wyoming server for any number of addresses."""

    def __init__(self, info: Info, session: Callable[[Client], Session], *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._info = encode(info.event())
        self._session = session
        self._budget = Budget(self.limits.total_bytes)
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[Connection, None] = {}  # in the order in which they came
        self._working: set[Connection] = set()
        self._stopping = False
        measures.CONNECTIONS.set_function(lambda: len(self._places))

    @asynccontextmanager
    async def listen(self, uri: str) -> AsyncIterator[str]:
        """Serve at `uri` for the length of a block; yields the address with the port that was really taken.

        Leaving waits up to 1 s for requests under way, then ends every connection. Raises OSError where the address
        cannot be had, `BadValue` where it is none.
        """
        target = parse_uri(uri)
        sockets = await listen(target)
        door = Door(sockets, self.limits, lambda sock: self._own(self._serve(sock)))
        try:
            door.open()
            yield str(Tcp(target.host, sockets[0].getsockname()[1])) if isinstance(target, Tcp) else uri
        finally:
            self._stopping = True
            door.close(_STOPPING)
            await self._stop()
            if isinstance(target, Unix):
                _remove(target)

    # ---- connections

    def _answer(self, connection: Connection, event: Event) -> bool:
        """Answer what needs no work, at once; return False for everything else."""
        try:
            if Describe.is_type(event.type):
                connection.write(self._info)
                return True
            if Ping.is_type(event.type):
                text = event.data.get("text")
                connection.send_nowait(
                    Pong(text=text if isinstance(text, str) and len(text) <= _PING_CHARACTERS else None)
                )
                return True
        except ConnectionLost:
            return True
        return False

    def _make_room(self) -> bool:
        """End who has been idle longest, so that connections left open by others keep nobody out.

        Those that have not said one whole event go first.
        """
        since = asyncio.get_running_loop().time() - _ACTIVE_S
        idle = [one for one in self._places if not (one.is_open and (one.last_event > since or one.working()))]
        if not idle:
            return False
        longest = min(idle, key=lambda one: (one.is_open, one.last_event))
        longest.fail(_NEEDED, linger=False)
        del self._places[longest]
        return True

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, sock: socket.socket) -> Connection:
        _, connection = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Connection(self.limits, budget=self._budget, intercept=self._answer), sock
        )
        return connection

    async def _serve(self, sock: socket.socket) -> None:
        async with await self._connect(sock) as connection:
            if self._stopping:
                connection.fail(_STOPPING, linger=False)
            elif len(self._places) >= self.limits.connections and not self._make_room():
                connection.fail(Busy(f"{self.limits.connections} connections are at work here; try again shortly"))
            else:
                self._places[connection] = None
                connection.working = lambda: connection.has_waiting or connection in self._working
                await self._converse(connection)

    async def _converse(self, connection: Connection) -> None:
        session: Session | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                client = Client(connection, tasks)
                session = self._session(client)
                connection.working = lambda: connection.has_waiting or connection in self._working or client.has_spawned
                work = tasks.create_task(self._work(connection, client, session))
                await connection.ended()
                work.cancel()
                client.cancel()
        except* Exception:
            _LOGGER.exception("%s: unexpected error", connection.peer)
            connection.fail(_INTERNAL)
        finally:
            self._working.discard(connection)
            self._places.pop(connection, None)
            connection.discard()
            if session is not None:
                await self._end(session, connection)

    async def _work(self, connection: Connection, client: Client, session: Session) -> None:
        while connection.is_open:
            try:
                event = await connection.receive()
                if event is None:
                    return
                self._working.add(connection)
                await session.handle(event)
            except (ConnectionLost, ProtocolError):
                return
            except Exception as error:  # noqa: BLE001 - `tell` logs what nobody expected
                session.end_request("error")
                await client.tell(error)
                await session.reset()
            finally:
                if not connection.has_waiting:
                    self._working.discard(connection)

    async def _end(self, session: Session, connection: Connection) -> None:
        session.end_request("gone")
        try:
            if not await ended_within(session.end(), _END_S):
                _LOGGER.error("%s: its session did not end within %g s", connection.peer, _END_S)
        except Exception:
            _LOGGER.exception("%s: unexpected error while ending", connection.peer)

    async def _stop(self) -> None:
        """End every connection, the idle ones at once and the others when their work is done or the grace is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _GRACE_S
        while self._tasks:
            late = loop.time() >= until
            for connection in list(self._places):
                if late or not connection.working():
                    connection.fail(_STOPPING, linger=False)
            await asyncio.wait(self._tasks, timeout=None if late else 0.05)


def _remove(target: Unix) -> None:
    Path(target.path).unlink(missing_ok=True)
