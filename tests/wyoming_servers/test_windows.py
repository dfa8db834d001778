from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from wyoming_servers.process import WorkerDied
from wyoming_servers.windows import Listener, Windows
from wyoming_servers.wire import Busy
from wyoming_servers.workers import Stream

WINDOW = 4  # bytes


class Engine:
    """Takes its time, and tells of each window its first byte."""

    def __init__(self) -> None:
        self.calls: list[dict[int, int]] = []
        self.error: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(self, method: str, heard: list[tuple[int, bytes]]) -> list[list[float]]:
        assert method == "hear"
        self.calls.append({slot: len(pcm) // WINDOW for slot, pcm in heard})
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return [[float(pcm[at]) for at in range(0, len(pcm), WINDOW)] for _, pcm in heard]


def listeners(engine: Engine, count: int, process: int = 1) -> list[Listener]:
    return [Listener(cast(Stream, engine), (process, slot)) for slot in range(count)]


@pytest_asyncio.fixture
async def together() -> AsyncIterator[Windows]:
    windows = Windows(WINDOW)
    async with windows.open():
        yield windows


def windows(*firsts: int) -> bytes:
    return b"".join(bytes([first, *bytes(WINDOW - 1)]) for first in firsts)


async def test_what_comes_during_a_call_goes_together(together: Windows) -> None:
    engine = Engine()
    a, b, c = listeners(engine, 3)
    engine.may_answer.clear()
    first = asyncio.create_task(together.judge(a, windows(1)))
    await asyncio.sleep(0.001)
    assert engine.calls == [{0: 1}]  # who is alone waits for nothing
    others = [asyncio.create_task(together.judge(b, windows(2, 3))), asyncio.create_task(together.judge(c, windows(4)))]
    await asyncio.sleep(0.02)
    assert len(engine.calls) == 1
    engine.may_answer.set()
    assert await first == [1]
    assert await asyncio.gather(*others) == [[2, 3], [4]]
    assert engine.calls == [{0: 1}, {1: 2, 2: 1}]
    assert await together.judge(a, b"") == []


async def test_who_sends_much_shares_the_call(together: Windows) -> None:
    engine = Engine()
    many, few = listeners(engine, 2)
    much = bytes(600 * WINDOW)
    found = await asyncio.gather(together.judge(many, much), together.judge(few, windows(7)))
    assert [len(one) for one in found] == [600, 1]
    assert [call.get(0) for call in engine.calls] == [128, 256, 216]
    assert engine.calls[0][1] == 1


async def test_who_goes_is_left_out(together: Windows) -> None:
    engine = Engine()
    a, b, c = listeners(engine, 3)
    engine.may_answer.clear()
    tasks = [asyncio.create_task(together.judge(one, windows(one.slot))) for one in (a, b, c)]
    await asyncio.sleep(0.001)
    assert engine.calls == [{0: 1, 1: 1, 2: 1}]
    tasks[0].cancel()  # in the middle of a call, which the others share
    await asyncio.sleep(0)
    engine.may_answer.set()
    assert await asyncio.gather(*tasks[1:]) == [[1], [2]]
    engine.may_answer.clear()
    calling = asyncio.create_task(together.judge(c, windows(3)))
    while len(engine.calls) == 1:  # noqa: ASYNC110 - the test looks from outside
        await asyncio.sleep(0.001)
    waits = asyncio.create_task(together.judge(a, windows(9)))  # for the end of that call
    other = asyncio.create_task(together.judge(b, windows(5)))
    await asyncio.sleep(0)
    waits.cancel()  # before it has gone to the engine
    await asyncio.sleep(0)
    engine.may_answer.set()
    assert [await calling, await other] == [[3], [5]]
    assert engine.calls[1:] == [{2: 1}, {1: 1}]


async def test_a_failure_is_told_to_all_that_it_concerns(together: Windows) -> None:
    engine, other = Engine(), Engine()
    engine.error = WorkerDied("gone")
    tasks = [asyncio.create_task(together.judge(one, windows(1))) for one in listeners(engine, 2)]
    (elsewhere,) = listeners(other, 1, process=2)
    fine = asyncio.create_task(together.judge(elsewhere, windows(3)))
    for task in tasks:
        with pytest.raises(WorkerDied, match="gone"):
            await task
    assert await fine == [3]
    found: Any = await together.judge(elsewhere, windows(4))
    assert found == [4]


async def test_at_the_end_nobody_is_left_waiting() -> None:
    engine, together = Engine(), Windows(WINDOW)
    a, b, c = listeners(engine, 3)
    engine.may_answer.clear()
    async with together.open():
        tasks = [asyncio.create_task(together.judge(a, windows(1)))]
        await asyncio.sleep(0.001)
        assert engine.calls == [{0: 1}]
        tasks.append(asyncio.create_task(together.judge(b, windows(2))))  # waits for the end of that call
        await asyncio.sleep(0.001)
    for task in tasks:
        with pytest.raises(Busy, match="stopping"):
            await task
    with pytest.raises(Busy, match="stopping"):
        await together.judge(c, windows(3))
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(OSError, match="cannot listen"):
        async with Windows(WINDOW).open():
            raise OSError("cannot listen")
