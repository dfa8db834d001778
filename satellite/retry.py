"""Waits before something that failed is tried again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator

from .backoff import backoff

_LOGGER = logging.getLogger(__name__)

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


async def keep_open(use: Callable[[], Awaitable[None]], failure: type[Exception], worked: Callable[[], bool]) -> None:
    """Open and use a device, which `use` does until the device fails, again and again until cancelled.

    Raises the `failure` of one that never worked.
    """
    retry = Retry()
    while True:
        try:
            await use()
        except failure as error:
            if not worked():
                raise
            _LOGGER.warning("%s; it is opened again", error)
        await retry.wait()
