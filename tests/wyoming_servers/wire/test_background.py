from __future__ import annotations

import asyncio

import pytest

from wyoming_servers.wire.background import Background


class Work(Background):
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.history: list[str] = []

    async def _run(self) -> None:
        self.history.append("begun")
        if self.failure is not None:
            raise self.failure
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.history.append("ended")


async def test_the_work_lasts_as_long_as_the_block() -> None:
    async with Work() as work:
        await asyncio.sleep(0)
        assert work.history == ["begun"]
    assert work.history == ["begun", "ended"]


async def test_leaving_by_an_error_or_a_cancel_ends_the_work() -> None:
    work = Work()
    with pytest.raises(ZeroDivisionError):
        async with work:
            await asyncio.sleep(0)
            raise ZeroDivisionError
    assert work.history == ["begun", "ended"]

    async def hold(work: Work) -> None:
        async with work:
            await asyncio.Event().wait()

    task = asyncio.create_task(hold(other := Work()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.history == ["begun", "ended"]


async def test_a_failure_of_the_work_comes_out() -> None:
    with pytest.raises(OSError, match="broken"):
        async with Work(OSError("broken")):
            await asyncio.sleep(0)


async def test_the_blocks_own_error_goes_before() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Work(OSError("broken")):
            await asyncio.sleep(0)
            raise ZeroDivisionError
