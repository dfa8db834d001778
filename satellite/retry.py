"""Waits before something that failed is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from .backoff import backoff

_WELL_S = 10.0
"""What held for so long and then fails is tried again soon; what fails at once, later and later."""


class Retry:
    """The waits between the tries of one thing, which goes on between them."""

    def __init__(self) -> None:
        self._waits = self._anew()
        self._since = time.monotonic()

    async def wait(self) -> None:
        """Wait: it has just failed."""
        if time.monotonic() - self._since > _WELL_S:
            self._waits = self._anew()
        await asyncio.sleep(next(self._waits))
        self._since = time.monotonic()

    @staticmethod
    def _anew() -> Iterator[float]:
        return backoff(0.5, 30.0)
