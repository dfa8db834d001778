from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from camera.source import CameraError, Picture, check_source, load_cv2, look

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def grey(level: int) -> Picture:
    return np.full((48, 64, 3), level, np.uint8)


def level(picture: Picture) -> int:
    return round(float(picture.mean()) / 20) * 20


def test_pictures_of_a_folder_come_by_name_for_ever(tmp_path: Path, stop: threading.Event) -> None:
    for name, value in (("b.png", 200), ("a.png", 100), ("c.txt", 0)):
        if name.endswith("png"):
            cv2.imwrite(str(tmp_path / name), grey(value))
        else:
            (tmp_path / name).write_text("no picture")
    assert [level(picture) for picture in islice(look(str(tmp_path), 1000, stop), 4)] == [100, 200, 100, 200]


def test_a_picture_comes_as_often_as_asked(tmp_path: Path, stop: threading.Event) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), grey(100))
    before = time.monotonic()
    assert len(list(islice(look(str(tmp_path / "a.jpg"), 20, stop), 3))) == 3
    assert time.monotonic() - before >= 0.1
    stop.set()
    assert len(list(look(str(tmp_path / "a.jpg"), 20, stop))) == 1


def test_a_video_is_shown_at_its_own_speed_and_again(tmp_path: Path, stop: threading.Event) -> None:
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for frame in range(10):
        writer.write(grey(20 * frame))
    writer.release()
    before = time.monotonic()
    levels = [level(picture) for picture in islice(look(str(path), 10, stop), 7)]
    assert levels[:5] == [0, 40, 80, 120, 160]
    assert levels[5:] == [0, 40]
    assert time.monotonic() - before >= 0.55


def test_wrong_sources_are_named(tmp_path: Path, stop: threading.Event) -> None:
    with pytest.raises(CameraError, match=r"missing\.mp4: no such file"):
        check_source(str(tmp_path / "missing.mp4"))
    with pytest.raises(CameraError, match="holds no picture"):
        check_source(str(tmp_path))
    for name in ("broken.jpg", "broken.mp4"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        check_source(str(tmp_path / name))
        with pytest.raises(CameraError, match=name.replace(".", r"\.")):
            next(iter(look(str(tmp_path / name), 1, stop)))
    with pytest.raises(CameraError, match="camera 77 cannot be opened"):
        next(iter(look("77", 1, stop)))


def test_opencv_is_there() -> None:
    assert load_cv2() is cv2
