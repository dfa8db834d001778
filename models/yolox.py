"""What a YOLOX detector gives, as boxes: https://github.com/Megvii-BaseDetection/YOLOX (its demo/ONNXRuntime).

Each of its cells, in grids of 8, 16 and 32 pixels, gives a box (middle, width, height), how surely there is something,
and how surely it is each kind. Exported as it usually is, the middle counts from the cell and the size is a logarithm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_STRIDES = (8, 16, 32)
_BEFORE_KINDS = 5

LEAST_SCORE = 0.1
"""The demo's `score_thr`: what is less sure is left out."""

_OVERLAP = 0.45
"""The demo's `nms_thr`: two boxes of one kind whose intersection is more than this of their union are one."""

_MOST = 300
"""Boxes looked at for overlaps, the surest first."""


def kinds(output: list[Any], width: int, height: int) -> int | None:
    """Return how many kinds of things the output of this shape tells apart; None where it is not YOLOX's."""
    if len(output) != 3 or output[1] != len(_cells(width, height)[0]) or not isinstance(output[2], int):
        return None
    return output[2] - _BEFORE_KINDS if output[2] > _BEFORE_KINDS else None


def is_decoded(output: Array) -> bool:
    """Return True where the export has worked out the boxes in pixels: logarithms of sizes are often negative."""
    return bool((output[..., 2:4] >= 0).all())


def boxes(output: Array, width: int, height: int, *, decoded: bool) -> list[tuple[int, float, list[float]]]:
    """Return the kind, score and box (left, top, right, bottom in pixels) of what one picture shows, surest first."""
    scores = output[:, 4:5] * output[:, _BEFORE_KINDS:]
    best = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), best]
    order = np.argsort(-score)[:_MOST]
    order = order[score[order] >= LEAST_SCORE]
    corners = _corners(output, width, height, decoded=decoded)[order]
    found: list[tuple[int, float, list[float]]] = []
    for kind, sure, box in zip(best[order].tolist(), score[order].tolist(), corners.tolist(), strict=True):
        if all(map(math.isfinite, box)) and all(
            kind != other or _overlap(box, taken) <= _OVERLAP for other, _, taken in found
        ):
            found.append((kind, min(sure, 1.0), box))
    return found


def _corners(output: Array, width: int, height: int, *, decoded: bool) -> Array:
    middle, size = output[:, 0:2], output[:, 2:4]
    if not decoded:
        cells, strides = _cells(width, height)
        middle, size = (middle + cells) * strides, np.exp(np.minimum(size, 20)) * strides
    corners: Array = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
    return corners


def _cells(width: int, height: int) -> tuple[Array, Array]:
    """Return the column and row of every cell, and how many pixels it has."""
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _overlap(one: list[float], other: list[float]) -> float:
    """Return the intersection over the union."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, across) * max(0.0, down)
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return shared / (area - shared) if area > shared else 0.0
