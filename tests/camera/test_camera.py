from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from camera.camera import LONGEST_SIDE, Camera, Look, encode
from camera.figure import draw_figure
from camera.source import CameraError

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")


async def test_a_camera_fills_its_mailbox_until_cancelled(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw_figure(320, 240))
    camera = Camera(str(tmp_path), fps=50)
    looking = asyncio.create_task(camera.run())
    first, second = await camera.mailbox.take(), await camera.mailbox.take()
    assert (first.width, first.height) == (320, 240)
    assert second.time > first.time
    decoded = cv2.imdecode(np.frombuffer(first.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (240, 320, 3)
    looking.cancel()
    await asyncio.wait([looking])
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("camera")]:
        await asyncio.to_thread(thread.join, 10)  # it ends once it notices
        assert not thread.is_alive()


async def test_what_goes_wrong_is_raised(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no such file"):
        await Camera(str(tmp_path / "missing")).run()
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(CameraError, match=r"a\.jpg"):
        await Camera(str(tmp_path)).run()


def test_large_pictures_are_made_smaller() -> None:
    frame = encode(np.zeros((3000, 4000, 3), np.uint8), 5.0)
    assert (frame.width, frame.height, frame.time) == (LONGEST_SIDE, 960, 5.0)
    assert encode(np.zeros((100, 1, 3), np.uint8), 0).width == 1


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (320, 240), (480, 640)])
def test_the_drawn_figure_is_a_person(width: int, height: int) -> None:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    boxes, margins = hog.detectMultiScale(draw_figure(width, height), winStride=(8, 8), scale=1.05)
    assert len(boxes) == 1
    assert margins[0] > 3


async def test_switched_off_it_lets_go_and_switched_on_it_looks_again(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw_figure(320, 240))
    camera = Camera(str(tmp_path), fps=50)
    camera.on = False
    looking = asyncio.create_task(camera.run())
    await asyncio.sleep(0.1)
    assert (camera.frames, camera.has_seen) == (0, False)
    for _ in range(2):
        camera.on = True
        await asyncio.wait_for(camera.mailbox.take(), 60)
        camera.on = False
        for thread in [thread for thread in threading.enumerate() if thread.name == f"camera {tmp_path}"]:
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()
        before = camera.frames
        await asyncio.sleep(0.1)
        assert camera.frames == before
    camera.on = True
    (tmp_path / "a.png").unlink()
    with pytest.raises(CameraError):
        await asyncio.wait_for(looking, 60)


async def test_looks_are_told_until_somebody_does_not_care_or_it_is_off() -> None:
    camera = Camera("unused")
    frame = encode(np.zeros((48, 64, 3), np.uint8), 0.0)
    told: list[Look] = []
    unwatch = camera.watch(told.append)
    looks = [Look(frame, ()), Look(frame, ())]
    camera.looked(looks[0])
    camera.on = False
    camera.looked(looks[1])
    camera.on = True
    unwatch()
    camera.looked(looks[1])
    assert told == looks[:1]


async def test_a_camera_is_missed_when_no_picture_comes_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camera.camera.time.monotonic", lambda: 1000.0)
    camera = Camera("0", fps=1, name="porch")
    assert camera.problem(1010) is None
    assert camera.problem(1011) == "camera 'porch' has given no picture for 11 s"
    assert Camera("0", fps=0.1).problem(1030) is None, "one in ten seconds is all that was wanted"
    camera.on = False
    assert camera.problem(2000) is None
    monkeypatch.setattr("camera.camera.time.monotonic", lambda: 2000.0)
    camera.on = True
    assert camera.problem(2010) is None
    assert camera.problem(2011) is not None
