"""Whose frame is looked at next: a few places, one bounded queue, and frames that lose their worth while they wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Frame:
    """One frame and what becomes of it."""

    def __init__(self, size: int, *, received: float, deadline: float | None = None) -> None:
        """`size` is in bytes; `received` and `deadline`, at which nobody wants the answer any more, are loop times."""
        self.size = size
        self.received = received
        self.deadline = deadline
        self._outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def waits(self) -> bool:
        """True until it is known what becomes of the frame."""
        return not self._outcome.done()

    def decide(self, outcome: str) -> bool:
        """Settle what becomes of the frame; return False where it was settled already."""
        if self.waits:
            self._outcome.set_result(outcome)
            return True
        return False

    async def outcome(self) -> str:
        """Wait until it is settled, at its deadline as "expired". If cancelled, it is settled as "gone"."""
        try:
            async with asyncio.timeout_at(self.deadline):
                return await asyncio.shield(self._outcome)
        except TimeoutError:
            self.decide("expired")
            return self._outcome.result()
        except asyncio.CancelledError:
            self.decide("gone")
            raise

    @property
    def has_place(self) -> bool:
        """True when its turn has come."""
        return not self.waits and self._outcome.result() == "ok"


class Turns:
    """First come, first served; frames that have been settled otherwise are passed over."""

    def __init__(self, places: int, *, queue: int, queue_bytes: int) -> None:
        """`places` frames have their turn at once; `queue` may wait, if they have `queue_bytes` together."""
        self._free = places
        self._queue = queue
        self._queue_bytes = queue_bytes
        self._waiting: deque[Frame] = deque()

    @asynccontextmanager
    async def turn(self, frame: Frame) -> AsyncIterator[str]:
        """Wait for the turn of `frame`, which lasts as long as the block; yields "ok".

        There is no turn where "busy" is yielded (the queue is full), "expired" (its deadline has passed), or what
        `frame.decide` was told meanwhile.
        """
        self._enter(frame)
        try:
            outcome = await frame.outcome()
            late = frame.deadline is not None and asyncio.get_running_loop().time() >= frame.deadline
            yield "expired" if late and outcome == "ok" else outcome
        finally:
            if frame.has_place:
                self._leave()

    def _enter(self, frame: Frame) -> None:
        if not frame.waits:
            return
        self._waiting = deque(waiting for waiting in self._waiting if waiting.waits)
        if self._free:
            self._free -= 1
            frame.decide("ok")
        elif (
            len(self._waiting) < self._queue
            and sum(waiting.size for waiting in self._waiting) + frame.size <= self._queue_bytes
        ):
            self._waiting.append(frame)
        else:
            frame.decide("busy")

    def _leave(self) -> None:
        while self._waiting:
            if self._waiting.popleft().decide("ok"):
                return
        self._free += 1
