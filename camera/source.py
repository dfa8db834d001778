"""Where pictures come from: a camera, a video at its own speed, or picture files, one after the other, for ever."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""Height x width x 3: blue, green, red, 0 to 255."""

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}

_UNSEEN_S = 5.0
"""A camera that gives no picture for so long is taken for broken."""


class CameraError(Exception):
    """There is nothing to be seen; the message says why, in one line, and what to do."""


def load_cv2() -> Any:
    """Return OpenCV, 20 MB that only who has a camera pays; raise `CameraError` where it is not installed."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # what its warnings say we say ourselves, in one line
    try:
        import cv2
    except ImportError as error:
        raise CameraError(f"a camera needs OpenCV ({error}): pip install 'wyoming-hearth[camera]'") from error
    return cv2


def check_source(what: str) -> None:
    """Raise `CameraError` where `what` cannot be a source: a number or /dev/video…, a file, or a folder of pictures."""
    if _device(what) is not None:
        return
    path = Path(what)
    if not path.exists():
        raise CameraError(
            f"camera: {what}: no such file; --camera takes a device (0, /dev/video0), a video file, "
            "a picture or a folder of pictures"
        )
    if path.is_dir() and not _pictures_in(path):
        raise CameraError(f"camera: {what}: the folder holds no picture ({', '.join(sorted(PICTURES))})")


def look(what: str, fps: float, stop: threading.Event) -> Iterator[Picture]:
    """Yield a picture of `what` every 1 / `fps` seconds, at live speed, until `stop` is set. Blocks: for a thread.

    Raises `CameraError` where there is none, or none any more.
    """
    check_source(what)
    device, path = _device(what), Path(what)
    if device is not None:
        return _from_device(device, fps, stop)
    if path.is_dir() or path.suffix.lower() in PICTURES:
        return _from_files(_pictures_in(path) if path.is_dir() else [path], fps, stop)
    return _from_video(path, fps, stop)


def _from_device(device: int | str, fps: float, stop: threading.Event) -> Iterator[Picture]:
    """Every picture is taken off the device, so that none is old; only those that are wanted are decoded."""
    capture = _open(device, f"camera {device}")
    try:
        due = seen = time.monotonic()
        while not stop.is_set():
            if capture.grab():
                seen = time.monotonic()
                if seen >= due:
                    good, picture = capture.retrieve()
                    due = max(due + 1 / fps, seen)
                    if good:
                        yield picture
            elif time.monotonic() - seen > _UNSEEN_S:
                raise CameraError(f"camera {device} gives no picture any more")
            else:
                stop.wait(0.02)
    finally:
        capture.release()


def _from_video(path: Path, fps: float, stop: threading.Event) -> Iterator[Picture]:
    """At the video's own speed, passing over what cannot be decoded in time, and again from its start when over."""
    cv2 = load_cv2()
    capture = _open(str(path), f"camera: {path}")
    speed = capture.get(cv2.CAP_PROP_FPS)
    speed = speed if 1 <= speed <= 240 else 25.0
    try:
        while True:
            began, position, shown = time.monotonic(), 0, -1
            while True:
                shown = max(shown + 1, int((time.monotonic() - began) * fps))  # of the pictures that are wanted
                wanted = int(shown / fps * speed)  # of the video's
                while position <= wanted and capture.grab():
                    position += 1
                if position <= wanted:
                    break
                if stop.wait(max(0.0, began + shown / fps - time.monotonic())):
                    return
                good, picture = capture.retrieve()
                if good:
                    yield picture
            if not position:
                raise CameraError(f"camera: {path}: no picture in it that OpenCV can read")
            if stop.wait(max(0.0, began + position / speed - time.monotonic())):
                return
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
    finally:
        capture.release()


def _from_files(paths: list[Path], fps: float, stop: threading.Event) -> Iterator[Picture]:
    cv2 = load_cv2()
    while True:
        for path in paths:
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if picture is None:
                raise CameraError(f"camera: {path}: not a picture that OpenCV can read")
            yield picture
            if stop.wait(1 / fps):
                return


def _open(source: int | str, name: str) -> Any:
    capture = load_cv2().VideoCapture(source)
    if not capture.isOpened():
        capture.release()
        raise CameraError(f"{name} cannot be opened: no such camera, in use, or no video that OpenCV can read")
    return capture


def _device(what: str) -> int | str | None:
    if what.isdecimal():
        return int(what)
    return what if what.startswith("/dev/") else None


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
