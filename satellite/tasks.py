"""Two things at once, one of which is the point."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def beside(main: Coroutine[Any, Any, T], aside: Coroutine[Any, Any, None]) -> T:
    """Return what `main` returns, running `aside` as long. The first error of either ends both, and is raised."""
    tasks = (asyncio.create_task(main), asyncio.create_task(aside))
    point, other = tasks
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not point.done():
            other.result()
        return await point
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
