from __future__ import annotations

import numpy as np
import pytest

from models import yolox

CELLS = 52 * 52 + 26 * 26 + 13 * 13


def empty(kinds: int = 3) -> yolox.Array:
    return np.zeros((CELLS, 5 + kinds), np.float32)


def put(output: yolox.Array, cell: int, box: tuple[float, float, float, float], sure: float, kind: int) -> None:
    output[cell, :4], output[cell, 4], output[cell, 5 + kind] = box, sure, 1.0


def test_its_shape_is_known() -> None:
    assert yolox.kinds([1, CELLS, 85], 416, 416) == 80
    for shape in ([1, CELLS + 1, 85], [1, CELLS, 5], [CELLS, 85], [1, 84, 8400], [1, 1000]):
        assert yolox.kinds(list(shape), 416, 416) is None
    assert yolox.kinds([1, 8400, 6], 640, 640) == 1


def test_boxes_count_from_their_cells() -> None:
    """Cell 5 of the second row of the 8-pixel grid, and the last of the 32-pixel grid."""
    output = empty()
    put(output, 52 + 5, (0.5, 0.25, np.log(2), np.log(4)), 0.9, 1)
    put(output, CELLS - 1, (0.0, 0.0, 0.0, np.log(0.5)), 0.8, 2)
    (first, second) = yolox.boxes(output, 416, 416, decoded=False)
    assert (first[0], second[0]) == (1, 2)
    assert (first[1], second[1]) == pytest.approx((0.9, 0.8))
    assert first[2] == pytest.approx([44 - 8, 10 - 16, 44 + 8, 10 + 16], abs=1e-3)
    assert second[2] == pytest.approx([384 - 16, 384 - 8, 384 + 16, 384 + 8], abs=1e-3)


def test_boxes_that_are_worked_out_already() -> None:
    output = empty()
    put(output, 7, (100, 200, 40, 60), 0.5, 0)
    ((kind, score, box),) = yolox.boxes(output, 416, 416, decoded=True)
    assert (kind, score, box) == (0, 0.5, [80, 170, 120, 230])
    assert yolox.is_decoded(output)
    output[3, 2] = -0.1
    assert not yolox.is_decoded(output)


def test_one_thing_has_one_box_of_its_kind() -> None:
    output = empty()
    put(output, 0, (100, 100, 50, 50), 0.7, 0)
    put(output, 1, (102, 101, 50, 52), 0.9, 0)  # the same, surer
    put(output, 2, (101, 100, 50, 50), 0.8, 1)  # another kind in the same place
    put(output, 3, (160, 100, 50, 50), 0.6, 0)  # the same kind elsewhere
    put(output, 4, (300, 300, 50, 50), 0.05, 0)  # hardly anything
    found = yolox.boxes(output, 416, 416, decoded=True)
    assert [(kind, round(score, 2)) for kind, score, _ in found] == [(0, 0.9), (1, 0.8), (0, 0.6)]


def test_nothing_and_nonsense() -> None:
    assert yolox.boxes(empty(), 416, 416, decoded=False) == []
    output = empty()
    put(output, 0, (0, 0, 1e30, 1e30), 1.0, 0)
    put(output, 1, (0, 0, 0, 0), 1.0, 0)
    put(output, 2, (np.nan, 0, 1, 1), 1.0, 0)
    assert len(yolox.boxes(output, 416, 416, decoded=True)) == 2
    assert len(yolox.boxes(output, 416, 416, decoded=False)) == 2
