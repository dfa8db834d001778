from __future__ import annotations

import asyncio
import time

from wyoming_servers.turns import Frame, Turns


def now() -> float:
    return asyncio.get_running_loop().time()


def frame(size: int = 1, deadline: float | None = None) -> Frame:
    return Frame(size, received=now(), deadline=deadline)


class Looking:
    """A frame's turn, entered by a task, ended by `finish`."""

    def __init__(self, turns: Turns, frame: Frame) -> None:
        self.frame = frame
        self.outcome: str | None = None
        self._finish = asyncio.Event()
        self.task = asyncio.create_task(self._run(turns))

    async def _run(self, turns: Turns) -> None:
        async with turns.turn(self.frame) as self.outcome:
            if self.outcome == "ok":
                await self._finish.wait()

    async def finish(self) -> None:
        self._finish.set()
        await self.task
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def looking(turns: Turns, *frames: Frame) -> list[Looking]:
    found = [Looking(turns, frame) for frame in frames]
    await settle()
    return found


async def test_first_come_first_served() -> None:
    a, b, c = await looking(Turns(1, queue=8, queue_bytes=100), *(frame() for _ in range(3)))
    assert [a.outcome, b.outcome, c.outcome] == ["ok", None, None]
    await a.finish()
    assert [b.outcome, c.outcome] == ["ok", None]
    await b.finish()
    assert c.outcome == "ok"
    await c.finish()


async def test_as_many_as_there_are_places() -> None:
    turns = Turns(2, queue=1, queue_bytes=100)
    a, b, c, d = await looking(turns, *(frame() for _ in range(4)))
    assert [a.outcome, b.outcome, c.outcome, d.outcome] == ["ok", "ok", None, "busy"]
    await a.finish()
    assert c.outcome == "ok"
    for one in (b, c):
        await one.finish()
    again = await looking(turns, frame(), frame())
    assert [one.outcome for one in again] == ["ok", "ok"]
    for one in again:
        await one.finish()


async def test_the_queue_is_bounded_in_bytes() -> None:
    a, b, c, d = await looking(Turns(1, queue=8, queue_bytes=100), *(frame(size) for size in (500, 60, 60, 40)))
    assert [a.outcome, b.outcome, c.outcome, d.outcome] == ["ok", None, "busy", None]
    for one in (a, b, d):
        await one.finish()


async def test_what_was_settled_otherwise_is_passed_over() -> None:
    turns = Turns(1, queue=2, queue_bytes=100)
    a, b, c = await looking(turns, *(frame() for _ in range(3)))
    assert b.frame.decide("superseded")
    assert not b.frame.decide("ok")
    (d,) = await looking(turns, frame())  # b has left room
    assert [b.outcome, c.outcome, d.outcome] == ["superseded", None, None]
    await a.finish()
    assert c.outcome == "ok"
    for one in (c, d):
        await one.finish()
    early = frame()
    early.decide("superseded")
    assert [one.outcome for one in await looking(turns, early)] == ["superseded"]


async def test_at_its_deadline_a_frame_is_expired_even_while_it_waits() -> None:
    turns = Turns(1, queue=8, queue_bytes=100)
    a, b, late = await looking(turns, frame(), frame(deadline=now() + 0.02), frame(deadline=now() - 1))
    await asyncio.wait_for(b.task, 5)
    assert [b.outcome, late.outcome] == ["expired", "expired"]
    await a.finish()
    (c,) = await looking(turns, frame(deadline=now() + 60))
    assert c.outcome == "ok"
    await c.finish()
    (d,) = await looking(turns, frame(deadline=now() - 1))  # a free place is not spent on it either
    assert d.outcome == "expired"
    assert [one.outcome for one in await looking(turns, frame())] == ["ok"]


async def test_a_deadline_that_passes_before_the_turn_is_looked_at() -> None:
    turns = Turns(1, queue=8, queue_bytes=100)
    short = frame(deadline=now() + 0.005)
    task = Looking(turns, short)
    time.sleep(0.01)  # noqa: ASYNC251 - the loop is held up, on purpose
    await settle()
    assert task.outcome == "expired"
    assert [one.outcome for one in await looking(turns, frame())] == ["ok"]


async def test_who_goes_leaves_the_place() -> None:
    turns = Turns(1, queue=8, queue_bytes=100)
    a, b, c = await looking(turns, *(frame() for _ in range(3)))
    b.task.cancel()
    await settle()
    a.task.cancel()
    await settle()
    assert c.outcome == "ok"
    never_begun = Looking(turns, frame())
    never_begun.task.cancel()
    c.task.cancel()
    await settle()
    assert [one.outcome for one in await looking(turns, frame())] == ["ok"]
