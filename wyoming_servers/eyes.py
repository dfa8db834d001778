"""One image engine of a server, and the frames of all connections that are to be looked at by it.

Frames go to the engine's process encoded, in batches of what the engine takes at once, through a few lanes: while one
lane's frames are looked at, another one gathers the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from models.looking import Seen
from wyoming_servers.engines import Running
from wyoming_servers.turns import Frame, Turns

_QUEUE, _QUEUE_BYTES = 16, 16 << 20
"""Frames of all connections that may wait, and their bytes."""


class Eyes:
    """What all connections share of an engine."""

    def __init__(self, engine: Running) -> None:
        self.engine = engine
        self.name = engine.name
        self._turns = Turns(queue=_QUEUE, queue_bytes=_QUEUE_BYTES)
        self._gathering = asyncio.Lock()

    @asynccontextmanager
    async def open(self, lanes: int) -> AsyncIterator[None]:
        """Look at frames for the length of a block."""
        tasks = [asyncio.create_task(self._lane()) for _ in range(lanes)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def enter(self, frame: Frame) -> None:
        """Let a frame wait for its turn."""
        self._turns.enter(frame)

    def join(self) -> None:
        """Count a camera: frames of several wait a little for one another."""
        self._turns.cameras += 1

    def leave(self) -> None:
        """Count it no more."""
        self._turns.cameras -= 1

    async def _lane(self) -> None:
        while True:
            frames: list[Frame] = []
            try:
                await self._look(frames)
            except Exception as error:  # noqa: BLE001 - the frames' sessions tell it; the lane goes on
                for frame in frames or await self._turns.take(_QUEUE):
                    if not frame.seen.done():
                        frame.seen.set_exception(error)

    async def _look(self, frames: list[Frame]) -> None:
        """Look at the next `frames`, which are put there."""
        batch = self.engine.described["batch"]
        async with AsyncExitStack() as place:
            self._turns.free += batch
            try:
                async with self._gathering:
                    await self._turns.some()
                    stream = await place.enter_async_context(self.engine.processes.stream())
                    frames += await self._turns.take(batch)
            finally:
                self._turns.free -= batch
            if frames:
                seen: list[Seen] = await stream.call("look", [frame.data for frame in frames])
                for frame, one in zip(frames, seen, strict=True):
                    if not frame.seen.done():  # its client may have gone
                        frame.seen.set_result(one)
