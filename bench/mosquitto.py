"""A real mosquitto, on a free port of loopback, which can be killed and started again; for tests as well."""

from __future__ import annotations

import asyncio
import shutil
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.report import BenchError
from satellite.mqtt.link import Broker

PATH = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

MISSING = "there is no mosquitto: apt-get install mosquitto (its service need not run)"


class Mosquitto:
    """One broker; what it was told to keep is lost when it ends."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true") -> None:
        """`folder` holds its configuration, `config` is the part of it that is wanted. Raise `BenchError`."""
        if PATH is None:
            raise BenchError(MISSING)
        self._program = PATH
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.broker = Broker("127.0.0.1", self.port)
        self._config = config
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        path = self._folder / "mosquitto.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\npersistence false\nuser root\n{self._config}\n")
        self._process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(path), stderr=DEVNULL, stdout=DEVNULL
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
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def mosquitto(folder: Path, config: str = "allow_anonymous true") -> AsyncIterator[Mosquitto]:
    """Run one for the length of a block. Raises as `Mosquitto`."""
    broker = Mosquitto(folder, config)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()
