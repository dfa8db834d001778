"""What Python 3.11.2, which Debian 12 has, does otherwise than later ones, done alike in all of them.

There an `except*` that raises another error puts that error into a group again; so we catch groups with `first_of`. And
there `asyncio.timeout` raises CancelledError, not TimeoutError, in a task that is being cancelled; so cleaning up uses
`ended_within`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def first_of(error: BaseException) -> BaseException:
    """Return the first error in a group, which may hold groups; it is why the other tasks were cancelled."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def ended_within(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Return whether `work` has ended within `seconds`; where it has not, or we are cancelled, it is cancelled.

    Raises what `work` raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
