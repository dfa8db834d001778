from __future__ import annotations

import asyncio

from satellite.mqtt.outbox import Outbox


async def all_of(outbox: Outbox) -> list[tuple[str, bytes]]:
    taken = []
    while True:
        try:
            taken.append(await asyncio.wait_for(outbox.take(), 0.01))
        except TimeoutError:
            return taken


async def test_of_every_topic_the_newest_in_the_order_in_which_they_wait() -> None:
    outbox = Outbox()
    for count in range(1000):
        outbox.put("a", f"{count}")
        outbox.put("b", b"same")
    assert await all_of(outbox) == [("a", b"999"), ("b", b"same")]
    outbox.put("b", "same")
    outbox.put("c", "ü")
    outbox.put("a", "")
    assert await all_of(outbox) == [("c", "ü".encode()), ("a", b"")]


async def test_what_was_not_delivered_is_sent_again_unless_something_newer_is() -> None:
    outbox = Outbox()
    outbox.put("a", "1")
    outbox.put("b", "1")
    assert await outbox.take() == ("a", b"1")
    outbox.put("a", "2")
    outbox.again_one("a")
    assert await all_of(outbox) == [("b", b"1"), ("a", b"2")]


async def test_all_again_in_the_order_in_which_the_topics_came() -> None:
    outbox = Outbox()
    for topic in ("config", "value", "status"):
        outbox.put(topic, "1")
    await all_of(outbox)
    outbox.put("status", "2")
    outbox.put("value", "2")
    outbox.again()
    assert await all_of(outbox) == [("config", b"1"), ("value", b"2"), ("status", b"2")]


async def test_it_waits_for_something_to_send() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not taking.done()
    outbox.put("a", "1")
    assert await asyncio.wait_for(taking, 60) == ("a", b"1")
