"""A real mosquitto for the tests, and somebody else on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

import bench.mosquitto
from bench.mosquitto import MISSING, PATH, Mosquitto
from tests.satellite.houses import until


def need_mosquitto() -> None:
    """Skip the test where there is none."""
    if PATH is None:
        pytest.skip(MISSING)


@asynccontextmanager
async def mosquitto(folder: Path, config: str = "allow_anonymous true") -> AsyncIterator[Mosquitto]:
    need_mosquitto()
    async with bench.mosquitto.mosquitto(folder, config) as broker:
        yield broker


class Listener:
    """Somebody else on the broker, who sees everything."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.values: dict[str, bytes] = {}
        self.history: list[tuple[str, bytes]] = []

    def text(self, ending: str) -> str | None:
        """Return the newest value of the one topic that ends so."""
        topics = [topic for topic in self.values if topic.endswith(ending)]
        assert len(topics) <= 1, topics
        return self.values[topics[0]].decode() if topics else None

    def json(self, ending: str) -> Any:
        text = self.text(ending)
        return None if text is None else json.loads(text)

    async def sees(self, ending: str, value: str) -> None:
        await until(lambda: self.text(ending) == value)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.values[str(message.topic)] = message.payload
            self.history.append((str(message.topic), message.payload))


@asynccontextmanager
async def listener(
    port: int, arrived: Callable[[str, bytes], None] | None = None, **more: Any
) -> AsyncIterator[Listener]:
    async with aiomqtt.Client("127.0.0.1", port, **more) as client:
        await client.subscribe("#")
        seen = Listener(client)
        listening = asyncio.create_task(seen.listen())
        try:
            yield seen
        finally:
            listening.cancel()
            await asyncio.wait([listening])
