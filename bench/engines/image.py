"""MobileNetV2 through the image server, against onnxruntime called directly with the same pictures and threads."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.engines import ROOT
from bench.processes import cpu_seconds
from bench.report import BenchError, Report
from bench.servers import Running, serving
from models import store

_ROUNDS = 6
_SECONDS = 4.0
_CAMERAS = 4
_SIZE = (640, 480)
_RATE_OVER_DIRECT = 0.9

_SIDES = ("our server", "onnxruntime, JPEG in", "onnxruntime, inference only")


async def measure(report: Report, args: Namespace) -> None:  # noqa: ARG001
    """Let each side work in turn, several times; the median of the rounds' ratios counts."""
    shared = Path(os.environ.get("HEARTH_SHARED") or ROOT.parent / "shared")
    model = _model(shared)
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        names = _make_pictures(shared, pictures)
        rows = []
        for threads in (1, 2):
            async with _server(Path(folder), model, threads) as server:
                rounds = [await _round(server, model, threads, pictures) for _ in range(_ROUNDS)]
            rates = [[side["images"] / side["seconds"] for side in one] for one in rounds]
            over_decoding, over = (median(one[0] / one[side] for one in rates) for side in (1, 2))
            for side, name in enumerate(_SIDES):
                cost = median(one[side]["cpu_s"] / one[side]["images"] for one in rounds) * 1000
                title = f"{name}, {threads} thread{'s'[: threads - 1]}"
                rows.append([title, f"{cost:.1f}", *(f"{one[side]:.1f}" for one in rates)])
            if threads == 1:
                seen = rounds[-1][0]["seen"]
                what = f"{_CAMERAS} cameras, {_SIZE[0]} x {_SIZE[1]} JPEG, 1 thread computes; direct in batches of 8"
                decoded = "of pictures that were decoded before"
                report.add("image_rate_over_direct", over, at_least=_RATE_OVER_DIRECT, note=f"{what}, {decoded}")
                report.add("image_rate_over_decoding", over_decoding, note="the same, but direct decodes too")
    report.explain(
        "images a second", ["side", "ms of a core each", *(f"round {number + 1}" for number in range(_ROUNDS))], rows
    )
    if names:
        right = sum(word in seen.get(name, "") for name, word in names.items())
        report.add("image_photos_right", right, at_least=len(names), note="hot dog, cats, parrot, by MobileNetV2")


def _model(shared: Path) -> Path:
    path = shared / "models" / "imagenet" / "mobilenetv2_224.onnx"
    found = path if path.exists() else store.path("mobilenetv2")
    if found is None:
        raise BenchError("no MobileNetV2: hearth models pull mobilenetv2")
    return found


def _make_pictures(shared: Path, folder: Path) -> dict[str, str]:
    """Write what cameras send, eight files; return what has to be seen in some of them."""
    import cv2

    from camera.figure import draw_figure

    folder.mkdir()
    photos: list[Any] = sorted((shared / "media" / "photos").glob("*.jpg"))
    frames = {path.stem: _cut(cv2, cv2.imread(str(path))) for path in photos} or {
        f"figure {number}": draw_figure(*_SIZE) for number in range(8)
    }
    for name, frame in frames.items():
        cv2.imwrite(str(folder / f"{name}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return {"hot_dog": "hotdog", "cat_720p": "cat", "cat_1080p": "cat", "parrot": "macaw"} if photos else {}


def _cut(cv2: Any, photo: Any) -> Any:
    """Return the middle of a photo, of a camera's size."""
    across, down = _SIZE
    height, width = photo.shape[:2]
    scale = max(across / width, down / height)
    photo = cv2.resize(photo, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    top, left = (photo.shape[0] - down) // 2, (photo.shape[1] - across) // 2
    return photo[top : top + down, left : left + across]


@asynccontextmanager
async def _server(folder: Path, model: Path, threads: int) -> AsyncIterator[Running]:
    options = {"image": ["--engine", "onnx", "--model", str(model), "--threads", str(threads)]}
    async with serving(["image"], folder, options=options) as servers:
        yield servers["image"]


async def _round(server: Running, model: Path, threads: int, pictures: Path) -> list[dict[str, Any]]:
    direct = ("bench.onnx_direct", str(model), str(threads), str(_SECONDS), str(pictures))
    before = cpu_seconds(server.process.pid)
    ours = await _run("bench.cameras", server.uri, str(_CAMERAS), str(_SECONDS), str(pictures))
    ours["cpu_s"] = (cpu_seconds(server.process.pid) - before) * ours["images"] / ours["answered"]
    return [ours, await _run(*direct), await _run(*direct, "decoded")]


async def _run(*module: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", *module), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise BenchError(f"{module[0]} has failed")
    found: dict[str, Any] = json.loads(said)
    return found
