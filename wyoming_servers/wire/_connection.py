"""One peer: events in, events out, both bounded."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from wyoming.event import Event, Eventable

from ._errors import ConnectionLost, ProtocolError, RequestError, WireError
from ._framing import EventParser, encode
from ._limits import MIB, Limits
from ._uri import Tcp, parse_uri

_LOGGER = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
"""Read at once: small enough that a flood of tiny events does not hold up the other connections."""

_LINGER_BYTES = 16 * MIB
_LINGER_S = 2.0
"""After a fatal error we read on for a moment: closing at once would make the kernel send a reset, and the peer
would lose the error that tells it what was wrong."""


class Budget:
    """Room for payloads, shared by the connections of a server."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0

    def reserve(self, size: int) -> bool:
        """Take room for `size` bytes; return False, taking none, where there is not enough."""
        if self.used + size > self.total:
            return False
        self.used += size
        return True

    def release(self, size: int) -> None:
        """Give room back."""
        self.used -= size


class Connection(asyncio.BufferedProtocol):
    """A peer that speaks Wyoming.

    Bytes are parsed as they arrive, whatever the owner is doing: `intercept` sees every event first and may keep it (a
    server answers `describe` and `ping` there), the rest wait, bounded, for `receive`.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        budget: Budget | None = None,
        intercept: Callable[[Connection, Event], bool] = lambda *_: False,
        opened: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        self.peer = "peer"
        self.last_activity = 0.0
        """Loop time of the last byte in either direction."""
        self.working: Callable[[], bool] = lambda: True
        """Asked before the peer is called idle; a server sets it, a client waits as long as it likes."""
        self._limits = limits
        self._budget = budget or Budget(limits.total_bytes)
        self._intercept = intercept
        self._opened = opened
        self._parser = EventParser(limits, self._budget.reserve)
        self._waiting: deque[Event | RequestError] = deque()
        self._waiting_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._receiver: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._unwritten = 0
        self._last_read = self._last_written = 0.0
        self._reading = True
        self._lingering: int | None = None
        self._failure: WireError | None = None
        self._buffer = bytearray(_READ_BYTES)
        self._ended = asyncio.Event()
        self._closed = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None

    # ---- the owner's side

    async def receive(self) -> Event | None:
        """Return the next event, or None when the peer has ended in good order.

        Raises `RequestError` for an event that was no good (the next call goes on with the one after it),
        `ProtocolError` when the framing is lost, `ConnectionLost` when the peer is gone in the middle of something.
        Cancelling loses nothing.
        """
        while not self._waiting:
            if self._ended.is_set():
                if self._failure is not None:
                    raise self._failure
                return None
            self._receiver = self._loop.create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        return self._pop()

    def take(self, event_type: str, most_bytes: int = 64 * 1024) -> list[Event]:
        """Return the waiting events of `event_type` that come next, without waiting, up to `most_bytes` of payload."""
        taken: list[Event] = []
        size = 0
        while self._waiting and size < most_bytes:
            first = self._waiting[0]
            if isinstance(first, RequestError) or first.type != event_type:
                break
            taken.append(self._pop())
            size += len(first.payload or b"")
        return taken

    def discard(self) -> None:
        """Drop the events that wait: nobody will receive them."""
        self._budget.release(sum(len(event.payload or b"") for event in self._waiting if isinstance(event, Event)))
        self._waiting.clear()
        self._waiting_bytes = 0

    @property
    def has_waiting(self) -> bool:
        """True when events wait for `receive`."""
        return bool(self._waiting)

    async def send(self, event: Event | Eventable) -> None:
        """Write `event`, waiting while the peer is slow to read.

        Raises `ConnectionLost` when the peer is gone. If cancelled, the event was handed over whole or not at all.
        """
        self.send_nowait(event)
        await self._writable.wait()
        if self._ended.is_set():
            raise self._lost()

    def send_nowait(self, event: Event | Eventable) -> None:
        """Write `event` without waiting; for short answers."""
        self.write(encode(event if isinstance(event, Event) else event.event()))

    def write(self, pieces: list[bytes]) -> None:
        """Write an encoded event."""
        transport = self._transport
        if transport is None or self._ended.is_set() or transport.is_closing():
            raise self._lost()
        if not transport.get_write_buffer_size():
            self._last_written = self._loop.time()
        transport.writelines(pieces)
        self.last_activity = self._loop.time()

    async def ended(self) -> None:
        """Wait until the peer has ended or `close` was called."""
        await self._ended.wait()

    @property
    def is_open(self) -> bool:
        """True until either side ends."""
        return not self._ended.is_set()

    async def close(self) -> None:
        """End the connection: what was written is sent on, within bounds; whatever the peer did, this returns."""
        self._end(None)
        if self._transport is not None:
            if self._lingering is None:
                self._transport.close()
            try:
                async with asyncio.timeout(_LINGER_S):
                    await self._closed.wait()
            except TimeoutError:
                self._transport.abort()
            finally:
                if not self._closed.is_set():
                    self._transport.abort()

    def fail(self, error: WireError, *, linger: bool = True) -> None:
        """Tell the peer `error` and end the connection; the owner sees the end at once.

        `linger` reads on for a moment, for a peer that is still sending; for an idle one it is not needed.
        """
        if self._transport is None or self._lingering is not None or self._ended.is_set():
            return
        try:
            self.send_nowait(error.event())
        except WireError:
            _LOGGER.debug("%s: could not be told: %s", self.peer, error.text)
        self._end(error)
        if not linger:
            self._transport.close()
            return
        self._lingering = _LINGER_BYTES
        self._resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(_LINGER_S, self._transport.abort)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---- the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "unix socket"
        self.last_activity = self._last_read = self._last_written = self._loop.time()
        self._watch = self._loop.call_later(self._tick_s, self._tick)
        self._opened(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """Called by the event loop."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop: so many bytes have come."""
        if self._lingering is not None:
            self._lingering -= nbytes
            if self._lingering < 0 and self._transport is not None:
                self._transport.abort()
        elif not self._ended.is_set():
            self.last_activity = self._last_read = self._loop.time()
            self._parse(bytes(memoryview(self._buffer)[:nbytes]))

    def eof_received(self) -> bool:
        """Called by the event loop: the peer will send no more, and that is the end of what it asked for."""
        lost = self._parser.mid_event and self._lingering is None
        self._end(ConnectionLost(f"{self.peer} ended in the middle of an event") if lost else None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._end(ConnectionLost(f"{self.peer} is gone: {exc}") if exc is not None else None)
        self._closed.set()
        if self._watch is not None:
            self._watch.cancel()
        self._budget.release(self._parser.reserved)
        self._parser = EventParser(self._limits)

    def pause_writing(self) -> None:
        """Called by the event loop: the peer reads more slowly than we answer."""
        self._writable.clear()
        self._pause_reading()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._writable.set()
        self._resume_reading()

    # ---- inside

    @property
    def _blocked(self) -> bool:
        """True when nothing more can be taken in: too much waits to be worked on, or to be read by the peer."""
        return self._waiting_bytes > self._limits.waiting_bytes or not self._writable.is_set()

    def _parse(self, data: bytes) -> None:
        try:
            for outcome in self._parser.feed(data):
                self._arrive(outcome)
                if self._blocked or self._ended.is_set():
                    # The rest stays in the parser until there is room.
                    self._pause_reading()
                    return
        except ProtocolError as error:
            self.fail(error)

    def _arrive(self, outcome: Event | RequestError) -> None:
        if isinstance(outcome, Event) and self._intercept(self, outcome):
            self._budget.release(len(outcome.payload or b""))
            return
        self._waiting.append(outcome)
        self._waiting_bytes += _size(outcome)
        self._wake()

    def _pop(self) -> Event:
        outcome = self._waiting.popleft()
        self._waiting_bytes -= _size(outcome)
        if self._waiting_bytes <= self._limits.waiting_bytes // 2:
            self._resume_reading()
        if isinstance(outcome, RequestError):
            raise outcome
        self._budget.release(len(outcome.payload or b""))
        return outcome

    def _pause_reading(self) -> None:
        if self._reading and self._transport is not None and self._lingering is None:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading or self._closed.is_set():
            return
        if self._lingering is None:
            if self._blocked or self._ended.is_set():
                return
            self._parse(b"")
            if self._blocked or self._ended.is_set():
                return
        self._reading = True
        self._last_read = self._loop.time()
        cast("asyncio.Transport", self._transport).resume_reading()

    def _end(self, failure: WireError | None) -> None:
        if not self._ended.is_set():
            self._failure = failure
            self._ended.set()
            self._writable.set()
            self._wake()

    def _wake(self) -> None:
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)

    def _lost(self) -> WireError:
        return self._failure or ConnectionLost(f"{self.peer} has ended the connection")

    @property
    def _tick_s(self) -> float:
        return min(self._limits.idle_s, self._limits.stalled_s) / 4

    def _tick(self) -> None:
        """Look whether the peer keeps us waiting."""
        transport = cast("asyncio.Transport", self._transport)
        self._watch = self._loop.call_later(self._tick_s, self._tick)
        now = self._loop.time()
        unwritten = transport.get_write_buffer_size()
        if unwritten < self._unwritten or not unwritten:
            self._last_written = now
        self._unwritten = unwritten
        if unwritten and now - self._last_written > self._limits.stalled_s:
            _LOGGER.info("%s: took none of its answer for %g s", self.peer, self._limits.stalled_s)
            self._end(ConnectionLost(f"{self.peer} took none of its answer for {self._limits.stalled_s:g} s"))
            transport.abort()
        elif self._ended.is_set():
            return
        elif self._parser.mid_event and self._reading and now - self._last_read > self._limits.stalled_s:
            self.fail(
                ProtocolError(f"an event was begun, but no byte of it came for {self._limits.stalled_s:g} s", "stalled")
            )
        elif now - self.last_activity > self._limits.idle_s and not self.working():
            self.fail(
                ProtocolError(f"nothing was asked for {self._limits.idle_s:g} s; connect again when needed", "idle")
            )


def _size(outcome: Event | RequestError) -> int:
    """Return about how many bytes a waiting event holds; an empty one counts too, or a flood of them would not."""
    if isinstance(outcome, RequestError):
        return 512
    return 512 + len(outcome.payload or b"") + 64 * len(outcome.data)


async def connect(uri: str, *, timeout: float = 5.0, limits: Limits | None = None) -> Connection:
    """Return a connection to the server at `uri`, which the caller closes (or uses in `async with`).

    Raises `BadValue` for a wrong address, `ConnectionLost` where nobody answers within `timeout` seconds.
    """
    target = parse_uri(uri)
    loop = asyncio.get_running_loop()

    def factory() -> Connection:
        return Connection(limits or Limits())

    try:
        async with asyncio.timeout(timeout):
            if isinstance(target, Tcp):
                _, connection = await loop.create_connection(factory, target.host, target.port)
            else:
                _, connection = await loop.create_unix_connection(factory, target.path)
    except TimeoutError:
        raise ConnectionLost(f"{uri} did not answer within {timeout:g} s") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConnectionLost(f"{uri} cannot be reached: {reason}") from error
    return connection


@asynccontextmanager
async def connect_to(uri: str, *, timeout: float = 5.0) -> AsyncIterator[Connection]:
    """Connect to `uri` for the length of a block."""
    async with await connect(uri, timeout=timeout) as connection:
        yield connection
