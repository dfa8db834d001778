from __future__ import annotations

import asyncio

from satellite.turns.replay import Replay


async def test_every_reader_gets_everything_from_the_start() -> None:
    replay: Replay[int] = Replay()
    replay.append(1)

    async def read() -> list[int]:
        return [item async for item in replay]

    early = asyncio.create_task(read())
    await asyncio.sleep(0)
    replay.append(2)
    late = asyncio.create_task(read())
    await asyncio.sleep(0)
    replay.append(3)
    replay.end()
    replay.append(4)
    assert await early == await late == await read() == [1, 2, 3]


async def test_a_reader_that_leaves_disturbs_nobody() -> None:
    replay: Replay[str] = Replay()

    async def read() -> None:
        async for _ in replay:
            pass

    gone = asyncio.create_task(read())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    replay.append("a")
    replay.end()
    assert [item async for item in replay] == ["a"]
