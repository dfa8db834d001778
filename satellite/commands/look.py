"""Tell what is seen in pictures, each as a camera of the house would send it.

Prints a line for everything seen, with its score and where it is, in pixels of the picture. With --json:
{"file", "width", "height", "labels": [{"name", "index", "score", "box"}]}, boxes as [x, y, width, height] in 0 to 1.
"""

from __future__ import annotations

import asyncio
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from camera.camera import encode
from camera.source import Picture, load_cv2
from wyoming_servers.wire import connect_to, expect
from wyoming_servers.wire.image import Classification, Classify, Image, LabelScore

from .common import CommandError, Output, UsageError
from .files import for_each
from .reach import add_reach_options

_ANSWER_S = 60.0


def add_options(parser: ArgumentParser) -> None:
    """Add the pictures."""
    parser.add_argument("files", nargs="+", type=Path, metavar="IMAGE", help="a picture: JPEG, PNG, WebP, BMP …")
    parser.add_argument(
        "--min-score",
        type=float,
        metavar="SCORE",
        help="least score, 0 to 1 (the server's own); a model tells none below 0.01, or 0.1 with a box",
    )
    add_reach_options(parser)


async def run(args: Namespace) -> int:
    """Print what is seen in each picture."""
    if args.min_score is not None and not 0 <= args.min_score <= 1:
        raise UsageError(f"--min-score takes a number from 0 to 1, not {args.min_score:g}")
    log = load_cv2().utils.logging
    log.setLogLevel(log.LOG_LEVEL_SILENT)  # what is wrong with a file is ours to say
    output = Output(json=args.json)

    async def look(uri: str, path: Path) -> None:
        picture = await asyncio.to_thread(read_picture, path)
        height, width = picture.shape[:2]
        labels = await classify(uri, picture, args.min_score)
        output.record(file=str(path), width=width, height=height, labels=[label.to_dict() for label in labels])
        before = f"{path}: " if len(args.files) > 1 else ""
        for label in labels:
            output.line(f"{before}{label.name} {label.score:.2f}{_place(label, width, height)}")
        if not labels:
            output.line(f"{before}nothing that the house knows", "dim")

    return await for_each(args.files, "image", args, output, check=_check, work=look)


def _check(path: Path) -> Path:
    if path.is_dir():
        raise CommandError("a folder; name the pictures in it")
    if not path.exists():
        raise CommandError("no such file")
    if not path.is_file() or not path.stat().st_size:
        raise CommandError("the file is empty" if path.is_file() else "not a file")
    return path


def read_picture(path: Path) -> Picture:
    """Return the picture in a file; raise `CommandError` where there is none, without the file's name."""
    cv2 = load_cv2()
    try:
        picture: Picture | None = cv2.imread(str(_check(path)), cv2.IMREAD_COLOR)
    except cv2.error as error:  # larger than OpenCV takes
        raise CommandError(f"not a picture that OpenCV can read ({error.err})") from error
    if picture is None:
        raise CommandError("not a picture that OpenCV can read")
    return picture


async def classify(uri: str, picture: Picture, threshold: float | None = None) -> list[LabelScore]:
    """Return what the image server at `uri` sees in `picture`, sent as a camera would.

    Raises `WireError`, and `CommandError` where the server does not answer it.
    """
    frame = await asyncio.to_thread(encode, picture, time.monotonic())
    async with connect_to(uri) as connection:
        await connection.send(Classify(threshold=threshold))
        await connection.send(
            Image(id="picture", format="jpeg", width=frame.width, height=frame.height, image=frame.jpeg)
        )
        answer = Classification.from_event(await expect(connection, "classification", _ANSWER_S))
    if answer.status != "ok":
        raise CommandError(f"the server says '{answer.status}'" + (f": {answer.text}" if answer.text else ""))
    return answer.labels


def _place(label: LabelScore, width: int, height: int) -> str:
    if label.box is None:
        return ""
    left, top, wide, high = (round(value * size) for value, size in zip(label.box, (width, height) * 2, strict=True))
    return f" at {left},{top}, {wide} x {high}"
