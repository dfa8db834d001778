"""Things that work in the background for as long as somebody needs them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """Works for the length of an `async with` block.

    Leaving the block, cancelled or not, cancels the work and waits for its end. If the work failed before that, the
    failure comes out of the block, unless the block has one of its own.
    """

    _task: asyncio.Task[None]

    @abstractmethod
    async def _run(self) -> None:
        """Work until cancelled."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and error is None:
            self._task.result()
