"""One peer: events in, events out, both bounded."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import select
import sys
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from wyoming.event import Event, Eventable

from wyoming_servers.wire._errors import ConnectionLost, ProtocolError, RequestError, WireError
from wyoming_servers.wire._framing import Arrived, EventParser, encode
from wyoming_servers.wire._limits import KIB, MIB, Budget, Limits

_LOGGER = logging.getLogger(__name__)

_READ_BUFFER = bytearray(64 * KIB)
"""Shared by all connections: the loop fills it and we empty it within one call."""

_EVENTS_A_TURN = 16
"""Taken in at once; then the other connections have their turn, so that a flood of tiny events delays nobody."""

_TICK_S = 1.0

_UNTAKEN_BYTES = 16 * MIB
"""More than that waits for nobody: what is sent without waiting, such as a microphone's sound, would grow for ever with
a peer that takes it too slowly."""

_LINGER_BYTES = 16 * MIB
_LINGER_S = 1.0
"""After a fatal error we read on for a moment: closing at once would make the kernel send a reset, and the peer
would lose the error that tells it what was wrong."""


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
    ) -> None:
        self.peer = "peer"
        self.last_activity = 0.0
        """Loop time of the last byte in either direction."""
        self.last_event = 0.0
        """Loop time of the last whole event in either direction; 0 before the first."""
        self.working: Callable[[], bool] = lambda: True
        """Asked before the peer is called idle; a server sets it, a client waits as long as it likes."""
        self._limits = limits
        self._budget = budget or Budget(limits.total_bytes)
        self._intercept = intercept
        self._parser = EventParser(limits, self._budget.reserve)
        self._waiting: deque[Arrived] = deque()
        self._waiting_bytes = 0
        self._patience: tuple[str, int] | None = None
        self._held: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._receiver: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._unwritten = 0
        self._last_read = self._last_written = 0.0
        self._reading = True
        self._turn: asyncio.Handle | None = None
        self._lingering: int | None = None
        self._failure: WireError | None = None
        self._ended = asyncio.Event()
        self._closed = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None

    # ---- the owner's side

    async def receive(self) -> Event | None:
        """Return the next event, or None when the peer has ended in good order.

        Other tasks have their turn even where an event waits. Raises `RequestError` for an event that was no good (the
        next call goes on with the one after it), `ProtocolError` when the framing is lost, `ConnectionLost` when the
        peer is gone in the middle of something. Cancelling loses nothing.
        """
        self._release()
        if self.has_waiting:
            await asyncio.sleep(0)
        while not self.has_waiting:
            if self._ended.is_set():
                if self._failure is not None:
                    raise self._failure
                return None
            self._receiver = self._loop.create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        outcome = self._pop()
        if isinstance(outcome, RequestError):
            raise outcome
        return outcome

    def be_patient(self, event_type: str, payload_bytes: int) -> None:
        """Let the next `receive` wait until so many bytes have come in payloads of events of `event_type`.

        It returns at once for an event of another type, for the end, and where no more can wait. `take` gives the rest.
        """
        if payload_bytes > 0 and not self._waiting and not self._ended.is_set():
            self._patience = (event_type, payload_bytes)

    def take(self, event_type: str, most_bytes: int = 64 * KIB) -> list[Event]:
        """Return the waiting events of `event_type` that come next, without waiting, up to about `most_bytes`."""
        taken: list[Event] = []
        size = 0
        while self._waiting and size < most_bytes:
            first = self._waiting[0]
            if isinstance(first.outcome, RequestError) or first.outcome.type != event_type:
                break
            size += first.size
            self._pop()
            taken.append(first.outcome)
        return taken

    def discard(self) -> None:
        """Drop the events that wait: nobody will receive them."""
        while self._waiting:
            self._pop()
        self._release()

    @property
    def has_waiting(self) -> bool:
        """True when `receive` would return at once."""
        return bool(self._waiting) and self._patience is None

    async def send(self, *events: Event | Eventable) -> None:
        """Write `events`, waiting while the peer is slow to read. Several at once cost the kernel as much as one.

        Raises `ConnectionLost` when the peer is gone. If cancelled, they were handed over whole or not at all.
        """
        self.send_nowait(*events)
        await self._writable.wait()
        if self._ended.is_set():
            raise self._lost()

    def send_nowait(self, *events: Event | Eventable) -> None:
        """Write `events` without waiting; for short answers."""
        self.write(b"".join(encode(event if isinstance(event, Event) else event.event()) for event in events))

    def write(self, encoded: bytes) -> None:
        """Write an encoded event."""
        transport = self._transport
        if transport is None or self._ended.is_set() or transport.is_closing():
            raise self._lost()
        if transport.get_write_buffer_size() > _UNTAKEN_BYTES:
            _LOGGER.info("%s: takes what it is sent too slowly", self.peer)
            self._end(ConnectionLost(f"{self.peer} takes what it is sent too slowly"))
            transport.abort()
            raise self._lost()
        if not transport.get_write_buffer_size():
            self._last_written = self._loop.time()
        transport.write(encoded)
        self.last_activity = self.last_event = self._loop.time()

    async def ended(self) -> None:
        """Wait until the peer has ended or `close` was called."""
        await self._ended.wait()

    @property
    def silent_s(self) -> float:
        """Seconds since the peer's last byte, or since it came."""
        return self._loop.time() - self._last_read

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

    def abort(self) -> None:
        """End the connection at once; what was written and not yet sent is lost."""
        if self._transport is not None:
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
        # `receive` raises this: a `RequestError` there would mean that the next call goes on with another event.
        self._end(ConnectionLost(error.text, error.code) if isinstance(error, RequestError) else error)
        if not linger or self._budget.lingering >= self._budget.LINGERING:
            self._transport.close()
            return
        self._budget.lingering += 1
        self._lingering = _LINGER_BYTES
        self._resume_reading()
        with suppress(OSError):  # the peer may have gone, and we are the first to see it
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

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """Called by the event loop."""
        return _READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop: so many bytes have come."""
        if self._lingering is not None:
            self._lingering -= nbytes
            if self._lingering < 0 and self._transport is not None:
                self._transport.abort()
        elif not self._ended.is_set():
            self.last_activity = self._last_read = self._loop.time()
            self._parser.push(memoryview(_READ_BUFFER)[:nbytes])
            self._go_on()

    def eof_received(self) -> bool:
        """Called by the event loop: the peer will send no more, and that is the end of what it asked for."""
        if self._parser.mid_event:
            self.fail(ConnectionLost(f"{self.peer} ended in the middle of an event"), linger=False)
        self._end(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._end(ConnectionLost(f"{self.peer} is gone: {exc}") if exc is not None else None)
        self._closed.set()
        if self._watch is not None:
            self._watch.cancel()
        if self._lingering is not None:
            self._budget.lingering -= 1
        self._budget.release(self._parser.reserved)
        self._parser = EventParser(self._limits)

    def pause_writing(self) -> None:
        """Called by the event loop: the peer reads more slowly than we answer."""
        self._writable.clear()
        self._pause_reading()

    def resume_writing(self) -> None:
        """Called by the event loop: the peer has taken most of what waited for it."""
        self.last_activity = self._last_written = self._loop.time()
        self._writable.set()
        self._go_on_soon()

    # ---- inside

    @property
    def _blocked(self) -> bool:
        """True when nothing more can be taken in: too much waits to be worked on, or to be read by the peer."""
        return self._waiting_bytes > self._limits.waiting_bytes or not self._writable.is_set()

    def _go_on(self) -> None:
        """Take in a few of the events that have come; read on when there are no more, pause where there is no room."""
        self._turn = None
        try:
            for _ in range(_EVENTS_A_TURN):
                if self._ended.is_set():
                    return
                if self._blocked:
                    self._patience = None
                    self._wake()
                    self._pause_reading()
                    return
                if (arrived := self._parser.next()) is None:
                    self._resume_reading()
                    return
                self._arrive(arrived)
        except ProtocolError as error:
            self.fail(error)
        else:
            self._pause_reading()
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if not self._reading and self._turn is None:
            self._turn = self._loop.call_soon(self._go_on)

    def _arrive(self, arrived: Arrived) -> None:
        self.last_event = self._loop.time()
        if isinstance(arrived.outcome, Event) and self._intercept(self, arrived.outcome):
            self._budget.release(arrived.size)
            return
        self._waiting.append(arrived)
        self._waiting_bytes += arrived.size
        if self._patience is not None:
            self._patience = _less(self._patience, arrived.outcome)
        if self._patience is None:
            self._wake()

    def _pop(self) -> Event | RequestError:
        """Take the first event that waits; its room is kept until the owner is done with it."""
        arrived = self._waiting.popleft()
        self._waiting_bytes -= arrived.size
        self._held.append(arrived.size)
        if self._waiting_bytes <= self._limits.waiting_bytes // 2:
            self._go_on_soon()
        return arrived.outcome

    def _release(self) -> None:
        for size in self._held:
            self._budget.release(size)
        self._held.clear()

    def _pause_reading(self) -> None:
        if self._reading and self._transport is not None and self._lingering is None:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and self._transport is not None:
            self._reading = True
            self._last_read = self._loop.time()
            self._transport.resume_reading()

    def _end(self, failure: WireError | None) -> None:
        if not self._ended.is_set():
            self._failure = failure
            self._patience = None
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
        return min(_TICK_S, self._limits.idle_s / 4, self._limits.stalled_s / 4)

    def _tick(self) -> None:
        """Look whether the peer keeps us waiting."""
        transport = cast("asyncio.Transport", self._transport)
        self._watch = self._loop.call_later(self._tick_s, self._tick)
        now = self._loop.time()
        unwritten = _untaken(transport)
        if unwritten < self._unwritten or not unwritten:
            self._last_written = now
        self._unwritten = unwritten
        if unwritten and now - self._last_written > self._limits.stalled_s:
            _LOGGER.info("%s: took none of its answer for %g s", self.peer, self._limits.stalled_s)
            self._end(ConnectionLost(f"{self.peer} took none of its answer for {self._limits.stalled_s:g} s"))
            transport.abort()
        elif self._ended.is_set():
            return
        elif not self._reading and not unwritten and _has_hung_up(transport):
            self._end(ConnectionLost(f"{self.peer} ended while it was being worked for"))
            transport.abort()
        elif self._parser.mid_event and self._reading and now - self._last_read > self._limits.stalled_s:
            self.fail(
                ProtocolError(f"an event was begun, but no byte of it came for {self._limits.stalled_s:g} s", "stalled")
            )
        elif now - self.last_activity > self._limits.idle_s and not self.working():
            self.fail(
                ProtocolError(f"nothing was asked for {self._limits.idle_s:g} s; connect again when needed", "idle"),
                linger=False,
            )


def _less(patience: tuple[str, int], outcome: Event | RequestError) -> tuple[str, int] | None:
    """Return how patient one can still be when `outcome` has come."""
    event_type, missing = patience
    if isinstance(outcome, RequestError) or outcome.type != event_type:
        return None
    missing -= len(outcome.payload or b"")
    return (event_type, missing) if missing > 0 else None


def _untaken(transport: asyncio.Transport) -> int:
    """Return how many bytes wait for the peer, in our buffer and, where there are any, in the kernel's.

    The kernel's alone can hold what a peer that plays it takes minutes for, and asks for more only in large steps.
    """
    size = transport.get_write_buffer_size()
    if size:
        queued = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        size += int.from_bytes(queued, sys.byteorder)
    return size


def _has_hung_up(transport: asyncio.Transport) -> bool:
    """Return True when the peer will send no more; the loop does not see that while reading is paused."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLRDHUP)
    return bool(poll.poll(0))
