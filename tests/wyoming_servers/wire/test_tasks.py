from __future__ import annotations

import asyncio

import pytest

from wyoming_servers.wire.tasks import ended_within, first_of


def test_the_first_error_of_a_group_of_groups() -> None:
    error = ValueError("first")
    assert first_of(ExceptionGroup("a", [ExceptionGroup("b", [error]), KeyError()])) is error
    assert first_of(error) is error


async def fail() -> None:
    raise ValueError("no")


async def test_what_ends_in_time_and_what_does_not() -> None:
    assert await ended_within(asyncio.sleep(0), 10)
    assert not await ended_within(asyncio.sleep(10), 0.01)
    with pytest.raises(ValueError, match="no"):
        await ended_within(fail(), 10)


async def test_it_holds_while_the_task_is_being_cancelled() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(await ended_within(asyncio.sleep(10), 0.01))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=60)
    assert task.cancelled()
    assert ended == [False]
