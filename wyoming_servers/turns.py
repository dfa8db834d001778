"""Whose frames are looked at next: one bounded queue, batches, and frames that lose their worth while they wait."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

GATHER_S = 0.005
"""How long a frame waits for those of other cameras, so that they are looked at together."""


class Frame:
    """One frame and what becomes of it."""

    def __init__(self, data: bytes, *, received: float, deadline: float | None = None) -> None:
        """`received` and `deadline`, at which nobody wants the answer any more, are loop times."""
        loop = asyncio.get_running_loop()
        self.data = data
        self.received = received
        self.deadline = deadline
        self.is_next = False
        """True where an engine that is free takes it at once: no newer frame should take its place."""
        self.seen: asyncio.Future[Any] = loop.create_future()
        """What was seen, or why nothing, once its turn has come."""
        self._outcome: asyncio.Future[str] = loop.create_future()

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
        """Wait until it is settled: "ok" when its turn has come, at its deadline "expired".

        If cancelled, it is settled as "gone".
        """
        try:
            async with asyncio.timeout_at(self.deadline):
                return await asyncio.shield(self._outcome)
        except TimeoutError:
            self.decide("expired")
            return self._outcome.result()
        except asyncio.CancelledError:
            self.decide("gone")
            raise


class Turns:
    """First come, first served; frames that have been settled otherwise are passed over."""

    def __init__(self, *, queue: int, queue_bytes: int) -> None:
        """`queue` frames may wait, if they have `queue_bytes` together; one may always."""
        self.cameras = 0
        """How many clients send frames."""
        self.free = 0
        """How many frames would be taken at once."""
        self._queue = queue
        self._queue_bytes = queue_bytes
        self._waiting: deque[Frame] = deque()
        self._came = asyncio.Event()

    def enter(self, frame: Frame) -> None:
        """Let `frame` wait for its turn; where there is no room it is settled as "busy"."""
        if not frame.waits:
            return
        waiting = self._still_waiting()
        if waiting and (
            len(waiting) >= self._queue
            or sum(len(other.data) for other in waiting) + len(frame.data) > self._queue_bytes
        ):
            frame.decide("busy")
            return
        frame.is_next = len(waiting) < self.free
        waiting.append(frame)
        self._came.set()

    async def some(self) -> None:
        """Wait until a frame waits."""
        while not self._still_waiting():
            self._came.clear()
            await self._came.wait()

    async def take(self, most: int) -> list[Frame]:
        """Return up to `most` frames whose turn it is, which is none where those that waited have been settled.

        While there are fewer than cameras, the first frame waits up to `GATHER_S` for others. Also where all other
        cameras' frames are being looked at: the engine is at work then, and each of them may send one more meanwhile.
        """
        loop = asyncio.get_running_loop()
        while waiting := self._still_waiting():
            left = waiting[0].received + GATHER_S - loop.time()
            if left <= 0 or len(waiting) >= min(most, self.cameras):
                break
            self._came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._came.wait()
        frames: list[Frame] = []
        while self._waiting and len(frames) < most:
            frame = self._waiting.popleft()
            late = frame.deadline is not None and loop.time() >= frame.deadline
            if frame.decide("expired" if late else "ok") and not late:
                frames.append(frame)
        return frames

    def _still_waiting(self) -> deque[Frame]:
        self._waiting = deque(frame for frame in self._waiting if frame.waits)
        return self._waiting
