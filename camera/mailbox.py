"""A mailbox for one: the newest replaces the one that waits, so that what is taken is never old."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Filled from any thread, emptied on the event loop on which it was made."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """How many were lost, by reason: `replaced` here; who takes them counts its own with `drop`."""
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: T | None = None
        self._filled = asyncio.Event()

    def put(self, item: T) -> None:
        """Leave an item."""
        with self._lock:
            was_empty, self._waiting = self._waiting is None, item
            if not was_empty:
                self.dropped["replaced"] += 1
        if was_empty and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)

    async def take(self) -> T:
        """Return the newest item, waiting for it. Cancelling loses nothing. For one taker at a time."""
        while True:
            with self._lock:
                item, self._waiting = self._waiting, None
                if item is None:
                    self._filled.clear()
            if item is not None:
                return item
            await self._filled.wait()

    def drop(self, reason: str) -> None:
        """Count a taken item as lost."""
        self.dropped[reason] += 1
