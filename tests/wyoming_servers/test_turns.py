from __future__ import annotations

import asyncio
import time

from wyoming_servers.turns import GATHER_S, Frame, Turns


def now() -> float:
    return asyncio.get_running_loop().time()


def frame(size: int = 1, deadline: float | None = None) -> Frame:
    return Frame(bytes(size), received=now(), deadline=deadline)


def turns(queue: int = 8) -> Turns:
    return Turns(queue=queue, queue_bytes=100)


def entered(turns: Turns, *frames: Frame) -> list[Frame]:
    for one in frames:
        turns.enter(one)
    return list(frames)


async def settled(*frames: Frame) -> list[str | None]:
    """What became of frames, None for one that waits."""
    return [None if one.waits else await one.outcome() for one in frames]


async def at_once(turns: Turns) -> list[Frame]:
    """What is taken without waiting."""
    taking = asyncio.create_task(turns.take(8))
    await asyncio.sleep(0)
    assert taking.done()
    return taking.result()


async def test_first_come_first_served() -> None:
    some = turns()
    a, b, c = entered(some, frame(), frame(), frame())
    assert await some.take(1) == [a]
    assert await settled(a, b, c) == ["ok", None, None]
    assert await some.take(8) == [b, c]
    assert await settled(b, c) == ["ok", "ok"]
    assert await some.take(8) == []


async def test_who_waits_for_frames_is_told_of_the_first() -> None:
    some = turns()
    waits = asyncio.create_task(some.some())
    await asyncio.sleep(0.01)
    assert not waits.done()
    (a,) = entered(some, frame())
    await asyncio.wait_for(waits, 60)
    assert await some.take(8) == [a]


async def test_the_queue_is_bounded() -> None:
    some = turns(queue=2)
    frames = entered(some, *(frame() for _ in range(4)))
    assert await settled(*frames) == [None, None, "busy", "busy"]
    await some.take(1)
    assert await settled(*entered(some, frame(), frame())) == [None, "busy"]


async def test_the_queue_is_bounded_in_bytes() -> None:
    some = turns()
    frames = entered(some, *(frame(size) for size in (60, 50, 40)))
    assert await settled(*frames) == [None, "busy", None]
    assert await some.take(8) == [frames[0], frames[2]]
    assert await settled(*entered(some, frame(500))) == [None]  # one may always wait


async def test_what_was_settled_otherwise_is_passed_over() -> None:
    some = turns(queue=2)
    a, b = entered(some, frame(), frame())
    assert b.decide("superseded")
    assert not b.decide("ok")
    (c,) = entered(some, frame())  # b has left room
    assert await settled(b, c) == ["superseded", None]
    assert await some.take(8) == [a, c]
    early = frame()
    early.decide("superseded")
    entered(some, early)
    assert await some.take(8) == []


async def test_at_its_deadline_a_frame_is_expired() -> None:
    some = turns()
    short, late, fine = entered(
        some, frame(deadline=now() + 0.02), frame(deadline=now() - 1), frame(deadline=now() + 60)
    )
    assert await asyncio.wait_for(short.outcome(), 60) == "expired"
    assert await some.take(8) == [fine]
    assert await settled(late, fine) == ["expired", "ok"]


async def test_a_deadline_that_passes_before_the_turn_is_looked_at() -> None:
    some = turns()
    (short,) = entered(some, frame(deadline=now() + 0.005))
    time.sleep(0.01)  # noqa: ASYNC251 - the loop is held up, on purpose
    assert await some.take(8) == []
    assert await settled(short) == ["expired"]


async def test_who_goes_leaves_the_place() -> None:
    some = turns()
    a, b = entered(some, frame(), frame())
    gone = asyncio.create_task(a.outcome())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert await settled(a) == ["gone"]
    assert await some.take(8) == [b]


async def test_a_frame_waits_for_those_of_other_cameras_but_not_long() -> None:
    some = turns()
    some.cameras = 3
    entered(some, a := frame())
    taking = asyncio.create_task(some.take(8))
    await asyncio.sleep(0)
    entered(some, b := frame(), c := frame())
    assert await asyncio.wait_for(taking, 60) == [a, b, c]
    entered(some, d := frame())  # of one who is answered while the others' are looked at; they may send one more
    taking = asyncio.create_task(some.take(8))
    await asyncio.sleep(0)
    entered(some, e := frame())
    began = now()
    assert await asyncio.wait_for(taking, 60) == [d, e]
    assert now() - began >= GATHER_S * 0.9
    entered(some, f := frame(), g := frame())
    assert await some.take(2) == [f, g]  # as many as there can be


async def test_nobody_waits_where_frames_have_waited_already() -> None:
    some = turns()
    some.cameras = 3
    entered(some, a := frame())
    time.sleep(2 * GATHER_S)  # noqa: ASYNC251 - the loop is held up, on purpose
    assert await at_once(some) == [a]


async def test_who_is_next_is_known() -> None:
    some = turns()
    some.free = 2
    assert [one.is_next for one in entered(some, frame(), frame(), frame())] == [True, True, False]
