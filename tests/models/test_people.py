from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from camera.figure import draw_figure
from models.engine import BadInput, Box, EngineUnavailable, Label
from models.people import PeopleDetector
from models.picture import decode

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector() -> PeopleDetector:
    return PeopleDetector()


def blank(width: int, height: int) -> Picture:
    return np.full((height, width, 3), 200, np.uint8)


def people(detector: PeopleDetector, picture: Picture) -> list[Label]:
    found = detector.classify([picture])[0]
    assert [label.score for label in found] == sorted((label.score for label in found), reverse=True)
    for label in found:
        assert (label.name, label.index) == ("person", 0)
        assert 0 <= label.score <= 1
        box = box_of(label)
        assert 0 <= box.x <= box.x + box.width <= 1
        assert 0 <= box.y <= box.y + box.height <= 1
    return found


def box_of(label: Label) -> Box:
    assert label.box is not None
    return label.box


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (800, 600), (1280, 720), (1920, 1080)])
def test_a_drawn_figure_is_found(detector: PeopleDetector, size: tuple[int, int]) -> None:
    (label,) = people(detector, draw_figure(*size))
    assert label.score > 0.9
    box = box_of(label)
    assert abs(box.x + box.width / 2 - 0.5) < 0.05
    assert abs(box.y + box.height / 2 - 0.5) < 0.15
    assert 0.3 < box.height < 0.8


def test_two_figures_are_two_people(detector: PeopleDetector) -> None:
    found = people(detector, np.hstack([draw_figure(400, 500), draw_figure(400, 500)]))
    middles = sorted(box_of(label).x + box_of(label).width / 2 for label in found)
    assert middles == pytest.approx([0.25, 0.75], abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (47, 111), (48, 112), (64, 128), (10, 5000), (5000, 10), (640, 480)])
def test_nobody(detector: PeopleDetector, size: tuple[int, int]) -> None:
    assert people(detector, blank(*size)) == []


def test_each_picture_has_its_own_answer(detector: PeopleDetector) -> None:
    figure = draw_figure(640, 480)
    assert [len(found) for found in detector.classify([blank(640, 480), figure, blank(100, 100)])] == [0, 1, 0]
    assert detector.classify([]) == []


def test_threads_may_share_it(detector: PeopleDetector) -> None:
    figure = draw_figure(640, 480)
    alone = detector.classify([figure])
    with ThreadPoolExecutor(4) as threads:
        assert all(found == alone for found in threads.map(detector.classify, [[figure]] * 12))


def test_photos(detector: PeopleDetector, shared: Path) -> None:
    found = {
        path.stem: people(detector, decode(path.read_bytes(), enough=detector.enough))
        for path in (shared / "media" / "photos").glob("*.jpg")
    }
    sure = {name: sum(label.score >= 0.5 for label in labels) for name, labels in found.items()}
    assert sure.pop("kite_and_cold") == 2
    assert set(sure.values()) == {0}


def test_a_side_that_is_too_small() -> None:
    with pytest.raises(BadInput, match="max_side is 100; the detector needs at least 128"):
        PeopleDetector(max_side=100)


def test_opencv_without_the_detector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))  # the main package of OpenCV 5 has no HOGDescriptor
    with pytest.raises(EngineUnavailable, match="opencv-contrib-python-headless"):
        PeopleDetector()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[image\]'"):
        PeopleDetector()
