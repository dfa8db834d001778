"""Something that grows while it is read, and that can be read again from its start.

A turn's audio streams to a server while it is spoken. When that server dies, another one gets all of it from the first
sample, and then the rest as it comes. The reply's text goes to the voice in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Replay(Generic[T]):
    """A list with one writer and any number of readers; the writer bounds it."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self.ended = False
        self._grown = asyncio.Event()

    def append(self, item: T) -> None:
        """Add an item for every reader; after the end it is dropped."""
        if not self.ended:
            self.items.append(item)
            self._wake()

    def end(self) -> None:
        """Say that nothing more will come; readers end after the last item."""
        self.ended = True
        self._wake()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Yield every item from the first on, waiting for those to come."""
        position = 0
        while True:
            grown = self._grown
            while position < len(self.items):
                yield self.items[position]
                position += 1
            if self.ended:
                return
            await grown.wait()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()
