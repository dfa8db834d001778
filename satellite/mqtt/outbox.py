"""What is to be published: of every topic only its newest value, so that a slow broker costs nothing."""

from __future__ import annotations

import asyncio


class Outbox:
    """Retained values by topic; as many as there are topics, which whoever fills it bounds."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._unsent: dict[str, None] = {}  # topics, in the order in which they wait
        self._filled = asyncio.Event()

    def put(self, topic: str, value: str | bytes) -> None:
        """Publish `value` soon; a value that the topic has already is none to publish."""
        value = value.encode() if isinstance(value, str) else value
        if self._values.get(topic) != value:
            self._values[topic] = value
            self._wait(topic)

    def again(self) -> None:
        """Publish everything once more, in the order in which the topics came: the broker may know nothing of it."""
        self._unsent.clear()
        for topic in self._values:
            self._wait(topic)

    def again_one(self, topic: str) -> None:
        """Publish this topic's value once more, unless it is waiting anyway: it was not delivered."""
        self._wait(topic)

    async def take(self) -> tuple[str, bytes]:
        """Return the topic that waits longest, and its newest value; wait for one. For one taker at a time."""
        while not self._unsent:
            self._filled.clear()
            await self._filled.wait()
        topic = next(iter(self._unsent))
        del self._unsent[topic]
        return topic, self._values[topic]

    def _wait(self, topic: str) -> None:
        self._unsent.setdefault(topic)
        self._filled.set()
