"""A real camera (a picture's), and image servers on real sockets that come and go."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest
from wyoming.event import Event

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'wyoming-hearth[camera]'")

import cv2

from camera.camera import Camera
from camera.figure import draw_figure
from camera.source import CameraError
from satellite.eyes import Eyes
from satellite.network.watch import Origin, Server
from tests.satellite.houses import House, Played, nowhere, until
from wyoming_servers.service import Client, Service
from wyoming_servers.wire import Info
from wyoming_servers.wire.image import Classification, Image, LabelScore


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "shown.png"
    cv2.imwrite(str(path), draw_figure(320, 240))
    return path


async def sees_somebody(client: Client, event: Event) -> None:
    await client.send(Classification(Image.from_event(event).id, "m", "ok", [LabelScore("person", 0, 0.9)]))


async def test_the_next_server_is_shown_what_the_camera_sees_when_one_fails(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satellite.retry.backoff", lambda *_: iter([0.01] * 1000))
    servers = House()
    eyes = Eyes(Camera(str(picture), fps=5, name="door"), servers)
    running = asyncio.create_task(eyes.run())
    await until(lambda: eyes.camera.has_seen)
    assert eyes.sightings.listed(time.monotonic()) is None, "nobody looked"
    servers.add(nowhere("image"))
    await until(lambda: servers.failed == ["nowhere"])
    async with Service(Info(), lambda client: Played(client, sees_somebody)).listen("tcp://127.0.0.1:0") as uri:
        servers.servers.insert(0, Server("image", "image", uri, Origin.HERE, frozenset(["image"]), Info()))
        await until(lambda: eyes.sightings.listed(time.monotonic()))
        (sighting,) = eyes.sightings.listed(time.monotonic()) or []
        assert (sighting["name"], sighting["camera"]) == ("person", "door")
    running.cancel()
    await asyncio.wait([running], timeout=60)
    assert running.cancelled()


async def test_a_camera_that_never_worked_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(CameraError, match=r"broken\.jpg"):
        await asyncio.wait_for(Eyes(Camera(str(tmp_path / "broken.jpg")), House()).run(), 60)


async def test_a_camera_that_worked_is_opened_again(
    picture: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("satellite.retry.backoff", lambda *_: iter([0.01] * 1000))
    folder = picture.parent / "pictures"
    folder.mkdir()
    shutil.copy(picture, folder)
    eyes = Eyes(Camera(str(folder), fps=20), House())
    running = asyncio.create_task(eyes.run())
    await until(lambda: eyes.camera.has_seen)
    (folder / picture.name).rename(picture.parent / "away.png")
    await until(lambda: "it is opened again" in caplog.text)
    (picture.parent / "away.png").rename(folder / picture.name)
    before = eyes.camera.frames
    await until(lambda: eyes.camera.frames > before)
    running.cancel()
    await asyncio.wait([running], timeout=60)
