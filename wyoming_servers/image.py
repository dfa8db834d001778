"""The image server: tells what a picture shows.

A client sends `classify` if it wants other figures than the server's, then `image`s. The first of either is answered
by `image-credit`: one image may be looked at while another one waits. A newer image takes the place of the one that
waits, so that the answer is always about the newest. Every image gets one `classification`.

Frames of several connections take turns. They are not put together into batches: the people detector takes as long for
four pictures at once as for one after the other, and so the first answers come sooner.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np
from wyoming.event import Event
from wyoming.info import Attribution

from models import picture
from models.engine import BadInput, Label
from models.people import MAX_SIDE, PeopleDetector

from .program import OURS, Job, main
from .service import Client, Session
from .turns import Frame, Turns
from .wire import BadValue, Busy, ImageModel, ImageProgram, Info
from .wire.image import Classification, Classify, Image, ImageCredit, LabelScore
from .wire.options import version
from .workers import Threads

CREDITS = 2
"""One image that is looked at, and one that waits. More would only be superseded."""

_QUEUE, _QUEUE_BYTES = 16, 16 << 20
"""Frames of all connections that may wait, and their bytes."""

_M_MMAP_THRESHOLD = -3  # from glibc's malloc.h

_OPENCV = Attribution(name="OpenCV", url="https://opencv.org")


class Eyes:
    """What all connections share: the engine, the threads it runs in, and the turns."""

    def __init__(self, engine: PeopleDetector, *, threads: int, min_score: float) -> None:
        self.engine = engine
        self.min_score = min_score
        self.turns = Turns(threads, queue=_QUEUE, queue_bytes=_QUEUE_BYTES)
        self._threads = Threads(threads, queue=threads, name="image")

    async def look(self, data: bytes) -> tuple[list[Label], int]:
        """Return what the encoded picture shows, and how many ms it took to see it. Raises `BadInput`."""
        return await self._threads.run(self._look, data)

    def _look(self, data: bytes) -> tuple[list[Label], int]:
        started = time.monotonic()
        seen = self.engine.classify([picture.decode(data, enough=self.engine.max_side)])[0]
        return seen, round((time.monotonic() - started) * 1000)

    def close(self) -> None:
        """Wait for what is being looked at."""
        self._threads.close()

    def info(self) -> Info:
        """Return what `describe` is answered with."""
        model = ImageModel(
            name=self.engine.name,
            attribution=_OPENCV,
            installed=True,
            description="Upright whole figures, with boxes",
            version=self.engine.version,
            labels=len(self.engine.labels),
        )
        program = ImageProgram(
            name="hearth-image",
            attribution=OURS,
            installed=True,
            description="Tells what a picture shows",
            version=version(),
            models=[model],
        )
        return Info(image=[program])


class ImageSession(Session):
    """Looks at one client's images."""

    def __init__(self, client: Client, eyes: Eyes) -> None:
        super().__init__(client)
        self._eyes = eyes
        self._wanted = Classify()
        self._waiting: Frame | None = None
        self._credited = False

    async def handle(self, event: Event) -> None:
        """Take what a client may send; images are answered by tasks of their own."""
        if Image.is_type(event.type):
            await self._credit()
            self._take(Image.from_event(event))
        elif Classify.is_type(event.type):
            await self._credit()
            wanted = Classify.from_event(event)
            if wanted.name not in (None, self._eyes.engine.name):
                raise BadValue(f"there is no model {wanted.name!r:.60}; this server has '{self._eyes.engine.name}'")
            self._wanted = wanted

    async def _credit(self) -> None:
        if not self._credited:
            self._credited = True
            await self.client.send(ImageCredit(CREDITS))

    def _take(self, image: Image) -> None:
        received = asyncio.get_running_loop().time()
        deadline = None if image.deadline_ms is None else received + image.deadline_ms / 1000
        if self._waiting is not None:
            self._waiting.decide("superseded")
        self._waiting = frame = Frame(len(image.image), received=received, deadline=deadline)
        self.client.spawn(self._answer(image, frame, self._wanted))

    async def _answer(self, image: Image, frame: Frame, wanted: Classify) -> None:
        answer = Classification(image.id, self._eyes.engine.name, "ok", timestamp=image.timestamp)
        async with self._eyes.turns.turn(frame) as outcome:
            answer.status = outcome
            answer.queued_ms = round((asyncio.get_running_loop().time() - frame.received) * 1000)
            if outcome == "ok":
                try:
                    seen, answer.inference_ms = await self._eyes.look(image.image)
                    answer.labels = self._labels(seen, wanted)
                except BadInput as error:
                    answer.status, answer.text = "invalid", str(error)
                except Busy as error:  # the threads still work for clients that have gone
                    answer.status, answer.text = "busy", error.text
        await self.client.send(answer)

    def _labels(self, seen: list[Label], wanted: Classify) -> list[LabelScore]:
        least = self._eyes.min_score if wanted.threshold is None else wanted.threshold
        return [_told(label) for label in seen if label.score >= least][: wanted.top_k]


def _told(label: Label) -> LabelScore:
    box = label.box
    edges = None if box is None else (_short(box.x), _short(box.y), _short(box.width), _short(box.height))
    return LabelScore(label.name, label.index, _short(label.score), edges)


def _short(value: float) -> float:
    return round(value, 4)


def add_options(parser: ArgumentParser) -> None:
    """Add how closely it looks."""
    parser.add_argument(
        "--max-side",
        type=int,
        default=MAX_SIDE,
        help="pixels of a picture's longer side; larger ones are made smaller before they are looked at (%(default)s)",
    )
    parser.add_argument(
        "--min-score", type=float, default=0.5, help="score, 0 to 1, from which a label is told (%(default)s)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=max(1, (os.cpu_count() or 2) - 1),
        help="pictures looked at at once (one less than the cores: %(default)s)",
    )


def _give_memory_back() -> None:
    """Let glibc return every large block to the system when it is freed.

    Else it keeps what came and went as pictures: 65 MB after a flood of large ones.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Load the engine; what is yielded serves until the block ends. Raises `EngineError`."""
    if not 0 <= args.min_score <= 1:
        raise BadInput(f"min-score is {args.min_score}; it must be 0 to 1")
    if not 1 <= args.threads <= 64:
        raise BadInput(f"threads is {args.threads}; it must be 1 to 64")
    _give_memory_back()
    engine = PeopleDetector(max_side=args.max_side)
    engine.classify([np.zeros((128, 64, 3), np.uint8)])  # the first one pays for what is made once
    eyes = Eyes(engine, threads=args.threads, min_score=args.min_score)
    try:
        yield eyes.info(), lambda client: ImageSession(client, eyes)
    finally:
        eyes.close()


JOB = Job(
    name="image",
    port=10800,
    description="Tells what a picture shows: a Wyoming server of the job `image`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
