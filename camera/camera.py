"""A camera: one thread that looks while it is on, a mailbox with the newest frame, and who is told what was seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from camera.mailbox import Mailbox
from camera.source import Picture, load_cv2, look
from wyoming_servers.wire.image import LabelScore

LONGEST_SIDE = 1280
"""Pixels; larger pictures are made smaller before they are sent."""

JPEG_QUALITY = 85

GONE_S = 10.0
"""A camera that gives no picture for so long, or for three that were wanted, is told of as gone."""

_LEAVE_S = 1.0
"""How long the thread may take to let go of the device."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, ready to be sent."""

    jpeg: bytes = field(repr=False)
    width: int
    """Pixels."""

    height: int
    """Pixels."""

    time: float
    """`time.monotonic()` when it was taken."""


@dataclass(frozen=True, slots=True)
class Look:
    """What an image server saw in a frame."""

    frame: Frame
    labels: tuple[LabelScore, ...]
    """The best one first; none where there is nothing to see."""


class Camera:
    """Looks at `source` (a device's number or path, a video, a picture, a folder of pictures) `fps` times a second."""

    def __init__(self, source: str, fps: float = 1.0, name: str = "camera") -> None:
        self.name = name
        self.mailbox: Mailbox[Frame] = Mailbox()
        self.fps = fps
        """Pictures a second that are wanted; a device may give fewer."""
        self.frames = 0
        """How many pictures there were."""
        self._source = source
        self._on = asyncio.Event()
        self._off = asyncio.Event()
        self._watchers: list[Callable[[Look], None]] = []
        self._last = time.monotonic()  # when there was a picture, or should have been the first
        self.on = True

    @property
    def has_seen(self) -> bool:
        """Whether there ever was a picture."""
        return self.frames > 0

    @property
    def on(self) -> bool:
        """Whether it looks; while it is off its source is closed, and no frame that it took is shown to anybody."""
        return self._on.is_set()

    @on.setter
    def on(self, on: bool) -> None:
        if on and not self.on:
            self._last = time.monotonic()
        (self._on if on else self._off).set()
        (self._off if on else self._on).clear()

    def problem(self, now: float) -> str | None:
        """Return in one line what is wrong with it at the monotonic time `now`, None where it is well, or off."""
        unseen_s = now - self._last
        if not self.on or unseen_s <= max(GONE_S, 3 / self.fps):
            return None
        return f"camera '{self.name}' has given no picture for {unseen_s:.0f} s"

    def watch(self, watcher: Callable[[Look], None]) -> Callable[[], None]:
        """Call `watcher` with every look from now on; return what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def looked(self, look: Look) -> None:
        """Learn what was seen; what was seen before it was switched off is nobody's business any more."""
        if self.on:
            for watcher in list(self._watchers):
                watcher(look)

    async def run(self) -> None:
        """Fill the mailbox while it is on, until cancelled; raise `CameraError` where there is nothing to see."""
        while True:
            await self._on.wait()
            tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._off.wait())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            if not tasks[0].cancelled():
                tasks[0].result()

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        done: asyncio.Future[None] = loop.create_future()

        def tell(error: BaseException | None) -> None:
            if not done.done():
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

        def work() -> None:
            failed: BaseException | None = None
            try:
                for picture in look(self._source, self.fps, stop):
                    self.frames += 1
                    self._last = time.monotonic()
                    self.mailbox.put(encode(picture, self._last))
            except Exception as error:  # noqa: BLE001 - whoever awaits `run` gets it
                failed = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, failed)

        # A thread of its own, and a daemon: a device that hangs must not keep the program from ending.
        threading.Thread(target=work, name=f"camera {self._source}", daemon=True).start()
        try:
            await asyncio.shield(done)
        finally:
            stop.set()
            await asyncio.wait([done], timeout=_LEAVE_S)
            tell(None)
            done.exception()  # one that came too late is nobody's business


def encode(picture: Picture, now: float) -> Frame:
    """Return `picture`, taken at `now`, as a JPEG of at most 1280 pixels on its longer side."""
    cv2: Any = load_cv2()
    height, width = picture.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale < 1:
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return Frame(jpeg.tobytes(), width, height, now)
