"""A drawn person, for a demo without a camera: upright and whole, which is what a people detector knows.

Its proportions were searched for: OpenCV's detector finds exactly one person in it, with a margin of about 5 (real
people reach 0.3 to 3), in pictures 320 to 1280 pixels wide. It wants room above and below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from camera.source import load_cv2

_GROUND = (205, 215, 220)
_SKIN = (140, 170, 215)
_COAT = (110, 60, 40)
_TROUSERS = (60, 50, 50)
_SHARE = 0.58
"""Of the picture's height."""


def draw_figure(width: int = 640, height: int = 480) -> npt.NDArray[np.uint8]:
    """Return a picture (height x width x 3, blue, green, red) of someone who stands in its middle.

    Raises `CameraError` where OpenCV is not installed.
    """
    cv2: Any = load_cv2()
    picture = np.full((height, width, 3), _GROUND, np.uint8)
    tall = min(height * _SHARE, width * 1.6)
    middle, top = width / 2, (height - tall) / 2

    def at(across: float, down: float) -> tuple[int, int]:
        """Return a point, in shares of the figure's height, from the middle of its top."""
        return round(middle + across * tall), round(top + down * tall)

    def ellipse(down: float, half_width: float, half_height: float, colour: tuple[int, int, int]) -> None:
        axes = (round(half_width * tall), round(half_height * tall))
        cv2.ellipse(picture, at(0, down), axes, 0, 0, 360, colour, cv2.FILLED, cv2.LINE_AA)

    for side in (-1, 1):
        thick = max(1, round(tall * 0.078))
        cv2.line(picture, at(side * 0.032, 0.5), at(side * 0.085, 0.96), _TROUSERS, thick, cv2.LINE_AA)
    ellipse(0.385, 0.154, 0.25, _COAT)
    ellipse(0.08, 0.068, 0.08, _SKIN)
    return picture
