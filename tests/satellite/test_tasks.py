from __future__ import annotations

import asyncio

import pytest

from satellite.tasks import beside


async def nothing() -> None:
    pass


async def for_ever() -> None:
    await asyncio.sleep(100)


async def fail(error: Exception, after: float = 0.0) -> None:
    await asyncio.sleep(after)
    raise error


async def later(value: int) -> int:
    await asyncio.sleep(0.01)
    return value


async def test_the_point_is_what_counts() -> None:
    assert await beside(later(5), for_ever()) == 5
    assert await beside(later(5), nothing()) == 5


async def test_the_first_error_ends_both() -> None:
    with pytest.raises(ValueError, match="aside"):
        await beside(for_ever(), fail(ValueError("aside")))
    with pytest.raises(ValueError, match="point"):
        await beside(fail(ValueError("point")), for_ever())
    with pytest.raises(ValueError, match="point"):
        await beside(fail(ValueError("point")), fail(KeyError("aside")))
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_ends_both() -> None:
    task = asyncio.create_task(beside(for_ever(), for_ever()))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(asyncio.all_tasks()) == 1
