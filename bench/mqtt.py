"""How soon somebody else on the broker sees what a satellite does, and what a command to it has changed.

Needs mosquitto (apt-get install mosquitto), which is started on a free port of loopback. Timed from the event in the
satellite, or from the sending of the command, until the value has arrived at another client, in the same process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.mosquitto import mosquitto
from bench.report import Report, percentile, progress
from camera.camera import Camera, Frame, Look
from satellite.controls import Controls
from satellite.mqtt.device import Device
from satellite.mqtt.discovery import Topics
from satellite.report import State
from wyoming_servers.wire.image import LabelScore

if TYPE_CHECKING:
    from aiomqtt import Client

BOUND_MS = 200.0

_TOPICS = Topics("bench")
_JPEG = bytes(150_000)
"""As large as a picture of 1280 x 720."""


def add_options(parser: ArgumentParser) -> None:
    """Add how often."""
    parser.add_argument("--times", type=int, default=300, help="changes of each kind (%(default)s)")


async def run(args: Namespace) -> Report:
    """Change one value after the other."""
    report = Report("mqtt")
    with tempfile.TemporaryDirectory() as folder:
        async with mosquitto(Path(folder)) as broker, _observer(broker.port) as (client, arrived):
            controls, camera = Controls(), Camera("unused", fps=10)
            device = Device(broker.broker, _TOPICS, controls, name="bench", version="0", camera=camera)
            async with device:
                await arrived(_TOPICS.availability, b"online")
                states = list(State)

                async def state(count: int) -> None:
                    value = states[(count + 1) % len(states)]
                    device.became(value)
                    await arrived(_TOPICS.of("state"), value.encode())

                async def command(count: int) -> None:
                    value = f"{count % 100}"
                    await client.publish(_TOPICS.command("volume"), value)
                    await arrived(_TOPICS.of("volume"), value.encode())

                async def look(count: int) -> None:
                    camera.looked(Look(Frame(_JPEG, 1280, 720, 0.0), (LabelScore(f"thing {count}", 0, 0.9),)))
                    await arrived(_TOPICS.of("camera_label"), f'"thing {count}"'.encode())

                for name, change, every in (("state", state, 0.0), ("command", command, 0.0), ("look", look, 0.25)):
                    progress(name)
                    times = await _timed(change, args.times if not every else args.times // 5, every)
                    report.add(f"{name}_p50_ms", percentile(times, 0.5))
                    report.add(f"{name}_p99_ms", percentile(times, 0.99), at_most=BOUND_MS)
    return report


async def _timed(change: Callable[[int], Awaitable[None]], times: int, every: float) -> list[float]:
    taken = []
    for count in range(times):
        await asyncio.sleep(every)
        began = time.perf_counter()
        async with asyncio.timeout(10):
            await change(count)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


Arrived = Callable[[str, bytes], Awaitable[None]]


@asynccontextmanager
async def _observer(port: int) -> AsyncIterator[tuple[Client, Arrived]]:
    """Yield somebody else on the broker, and what waits until a topic's value holds some bytes."""
    import aiomqtt

    values: dict[str, bytes] = {}
    news = asyncio.Event()

    async def listen(client: Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            values[str(message.topic)] = message.payload
            news.set()

    async def arrived(topic: str, value: bytes) -> None:
        while value not in values.get(topic, b""):
            news.clear()
            await news.wait()

    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("hearth/#")
        listening = asyncio.create_task(listen(client))
        try:
            yield client, arrived
        finally:
            listening.cancel()
            await asyncio.wait([listening])
