from __future__ import annotations

import asyncio
import threading

from camera.mailbox import Mailbox


async def test_the_newest_replaces_the_one_that_waits() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for number in range(5):
        mailbox.put(number)
    assert await mailbox.take() == 4
    assert mailbox.dropped == {"replaced": 4}
    mailbox.drop("expired")
    assert mailbox.dropped["expired"] == 1


async def test_a_taker_waits_for_another_thread() -> None:
    mailbox: Mailbox[str] = Mailbox()
    taker = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0.01)
    assert not taker.done()
    thread = threading.Thread(target=mailbox.put, args=("here",))
    thread.start()
    assert await asyncio.wait_for(taker, 60) == "here"
    thread.join()


async def test_cancelling_a_taker_loses_nothing() -> None:
    mailbox: Mailbox[str] = Mailbox()
    taker = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    taker.cancel()
    await asyncio.wait([taker])
    mailbox.put("later")
    assert await mailbox.take() == "later"


async def test_under_load_every_item_is_taken_or_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []

    async def take() -> None:
        while not taken or taken[-1] != 9999:
            taken.append(await mailbox.take())

    taker = asyncio.create_task(take())

    def put() -> None:
        for number in range(10_000):
            mailbox.put(number)

    thread = threading.Thread(target=put)
    thread.start()
    await asyncio.wait_for(taker, 60)
    thread.join()
    assert taken == sorted(taken)
    assert len(taken) + mailbox.dropped["replaced"] == 10_000
