"""A real mosquitto for the tests, on a free port, which can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from satellite.mqtt.link import Broker

from ..houses import until

PATH = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def need_mosquitto() -> str:
    """Return where it is, or skip the test."""
    if PATH is None:
        pytest.skip("there is no mosquitto: apt-get install mosquitto (its service need not run)")
    return PATH


class Mosquitto:
    """One broker; what it was told to keep is lost when it ends."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true") -> None:
        self._program = need_mosquitto()
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.broker = Broker("127.0.0.1", self.port)
        self._config = config
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        path = self._folder / "mosquitto.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\npersistence false\nuser root\n{self._config}\n")
        self._process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(path), stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def mosquitto(folder: Path, config: str = "allow_anonymous true") -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder, config)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


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

    async def sees(self, ending: str, value: str, seconds: float = 5.0) -> None:
        await until(lambda: self.text(ending) == value, seconds)

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
