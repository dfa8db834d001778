from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from camera.figure import draw_figure
from satellite import cli
from tests.satellite.commands.conftest import Hearth


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    files = {
        name: tmp_path / name for name in ("figure.png", "grey.jpg", "cut.png", "text.jpg", "empty.jpg", "gone.jpg")
    }
    assert cv2.imwrite(str(files["figure.png"]), draw_figure())
    assert cv2.imwrite(str(files["grey.jpg"]), np.full((240, 320, 3), 128, np.uint8))
    files["cut.png"].write_bytes(files["figure.png"].read_bytes()[:300])
    files["text.jpg"].write_text("a cat")
    files["empty.jpg"].write_bytes(b"")
    return files


def test_tells_what_is_seen_and_which_files_are_no_pictures(
    pictures: dict[str, Path], hearth: Hearth, server: Callable[[str], str]
) -> None:
    status, printed, _ = hearth("look", "--uri", server("image"), *pictures.values())
    assert status == 1
    by_name = {Path(line["file"]).name: line for line in printed}
    (person,) = by_name["figure.png"]["labels"]
    assert person["name"] == "person"
    left, top, width, height = person["box"]
    assert left < 0.5 < left + width
    assert top < 0.5 < top + height
    assert by_name["grey.jpg"] == {"file": str(pictures["grey.jpg"]), "width": 320, "height": 240, "labels": []}
    assert "not a picture that OpenCV can read" in by_name["cut.png"]["error"]
    assert "not a picture that OpenCV can read" in by_name["text.jpg"]["error"]
    assert by_name["empty.jpg"]["error"].endswith("the file is empty")
    assert by_name["gone.jpg"]["error"].endswith("no such file")


def test_boxes_for_people_are_in_pixels(
    pictures: dict[str, Path], server: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["look", "--uri", server("image"), str(pictures["figure.png"])]) == 0
    name, score, _, corner, width, _, height = capsys.readouterr().out.split()
    assert name == "person"
    assert 0 < float(score) <= 1
    left, top = map(int, corner.strip(",").split(","))
    assert left < 320 < left + int(width)
    assert top < 240 < top + int(height)
