"""People, found by the detector of Dalal and Triggs (2005): histograms of gradients under a linear classifier.

OpenCV carries it trained, in its contrib package. It finds **upright whole figures** at least 96 pixels tall in the
picture that it looks at, and no more: nobody who sits, is cut off by the frame, or is close.

Pictures are first made smaller, never larger, so that their longer side is `max_side`. Measured on one thread of an
AMD EPYC at 2.6 GHz, over 40 views of 1280 x 720 cut from a photo of two people (who stand 0.12 to 0.48 of the view's
height, darker, lighter, mirrored, with noise), and 7 photos without whole people:

======== ====== =================== ===========
max_side ms     of 80 people, found false finds
======== ====== =================== ===========
480      26     33                  1
640      50     47                  1
**800**  **90** **66**              **0**
960      138    67                  0
1024     157    71                  0
1280     256    58                  0
======== ====== =================== ===========

(Steps of 1.1 between the sizes at which it looks, instead of 1.05, take half the time and lose a fifth of the finds.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.engine import BadInput, Box, Classifier, EngineUnavailable, Label
from models.looking import Looker

MAX_SIDE = 800
"""Pixels: see the table above."""

_WINDOW = (64, 128)  # pixels: what the detector was trained on; a figure in it is 96 tall
_STRIDE = (8, 8)
_PADDING = (8, 8)  # so that figures at the edge are seen
_SCALE = 1.05
_NEIGHBOURS = 2  # finds that must agree

_HALF_MARGIN, _SLOPE = 0.5, 6.0
"""Platt's scaling: `score` is the probability 1 / (1 + exp(-slope * (margin - half))) of a figure at this distance from
the classifier's plane, fitted to 66 true finds (margin 0.5 to 3, half of them above 1.8) and the 5 false ones of 72
views without people (0.25 to 0.4), both groups weighing the same."""

_FIGURE = (0.1, 0.07, 0.8, 0.8)
"""Where the figure is in a found window (left, top, width, height), which has a margin by training: OpenCV's sample."""

_OVERLAP = 0.6
"""Two finds that share more than this of the smaller one are one figure, the better."""


class PeopleDetector(Classifier):
    """The engine. `max_side` is the longer side, in pixels, of what is looked at.

    Raises `EngineUnavailable` where OpenCV is missing or is not the contrib package, `BadInput` for a `max_side` below
    the detector's own window.
    """

    def __init__(self, *, max_side: int = MAX_SIDE) -> None:
        if max_side < max(_WINDOW):
            raise BadInput(f"max_side is {max_side}; the detector needs at least {max(_WINDOW)} pixels")
        try:
            import cv2

            self._detector = cv2.HOGDescriptor()
            self._detector.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
        except (ImportError, AttributeError) as error:
            raise EngineUnavailable(
                f"finding people needs opencv-contrib-python-headless ({error}): pip install 'wyoming-hearth[image]'"
            ) from error
        cv2.setNumThreads(1)  # the server's threads are the parallel ones; the rest of the machine stays free
        self._cv2: Any = cv2
        self.name, self.version, self.labels = "people", str(cv2.__version__), ["person"]
        self.description = "Upright whole figures, with boxes"
        self.enough = max_side
        self.batch = 1  # four pictures at once take as long as one after the other, and so the first comes sooner

    def prepare(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the picture no larger than it is looked at."""
        height, width = picture.shape[:2]
        smaller = min(1.0, self.enough / max(width, height))
        if smaller < 1:
            size = (max(1, round(width * smaller)), max(1, round(height * smaller)))
            picture = self._cv2.resize(picture, size, interpolation=self._cv2.INTER_AREA)
        return picture

    def see(self, prepared: Sequence[npt.NDArray[np.uint8]]) -> list[list[Label]]:
        """Return the people in each picture, surest first, with their boxes."""
        return [self._people(picture) for picture in prepared]

    def _people(self, picture: npt.NDArray[np.uint8]) -> list[Label]:
        height, width = picture.shape[:2]
        if width + 2 * _PADDING[0] < _WINDOW[0] or height + 2 * _PADDING[1] < _WINDOW[1]:
            return []
        windows, margins = self._detector.detectMultiScale(
            picture, winStride=_STRIDE, padding=_PADDING, scale=_SCALE, groupThreshold=_NEIGHBOURS
        )
        found = sorted(
            zip(np.ravel(margins).tolist(), np.reshape(windows, (-1, 4)).tolist(), strict=True), reverse=True
        )
        people: list[Label] = []
        for margin, window in found:
            box = _figure(window, width, height)
            if all(_shared(box, other.box) <= _OVERLAP for other in people if other.box is not None):
                people.append(Label(self.labels[0], 0, _score(margin), box))
        return people


def open_people(max_side: int = MAX_SIDE) -> Looker:
    """Load the engine, for a worker process to be told by name."""
    return Looker(PeopleDetector(max_side=max_side))


def _score(margin: float) -> float:
    return 1 / (1 + math.exp(-_SLOPE * (margin - _HALF_MARGIN)))


def _figure(window: list[int], width: int, height: int) -> Box:
    """The box of the figure in a found window, cut to the picture."""
    left, top, across, down = window
    x, y, w, h = _FIGURE
    edges = (
        max(0.0, (left + across * x) / width),
        max(0.0, (top + down * y) / height),
        min(1.0, (left + across * (x + w)) / width),
        min(1.0, (top + down * (y + h)) / height),
    )
    return Box(edges[0], edges[1], max(0.0, edges[2] - edges[0]), max(0.0, edges[3] - edges[1]))


def _shared(a: Box, b: Box) -> float:
    """How much of the smaller box lies in the other, 0 to 1."""
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    smaller = min(a.width * a.height, b.width * b.height)
    return max(0.0, across) * max(0.0, down) / smaller if smaller else 0.0
