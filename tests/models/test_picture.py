from __future__ import annotations

import struct
import sys

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engine import BadInput, EngineUnavailable
from models.picture import MAX_SCANS, decode, size

RED = (0, 0, 255)


def painted(width: int = 60, height: int = 40) -> npt.NDArray[np.uint8]:
    """A picture whose left half is red and whose right half is blue."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = RED
    picture[:, width // 2 :] = (255, 0, 0)
    return picture


def encoded(picture: npt.NDArray[np.generic], kind: str = ".jpg", *options: int) -> bytes:
    ok, data = cv2.imencode(kind, picture, options)  # type: ignore[arg-type]
    assert ok
    return data.tobytes()


def looks_painted(picture: npt.NDArray[np.uint8]) -> bool:
    height, width = picture.shape[:2]
    left, right = picture[height // 2, width // 4], picture[height // 2, 3 * width // 4]
    return bool(left[2] > 200 and left[0] < 60 and right[0] > 200 and right[2] < 60)


@pytest.mark.parametrize(
    "data",
    [
        encoded(painted()),
        encoded(painted(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(painted(), ".png"),
        encoded(cv2.cvtColor(painted(), cv2.COLOR_BGR2BGRA), ".png"),
        encoded(painted().astype(np.uint16) * 257, ".png"),
        encoded(painted()) + b"what some cameras append",
    ],
    ids=["jpeg", "progressive", "png", "alpha", "16 bits", "appendix"],
)
def test_pictures(data: bytes) -> None:
    assert size(data) == (60, 40)
    picture = decode(data)
    assert picture.shape == (40, 60, 3)
    assert picture.dtype == np.uint8
    assert looks_painted(picture)


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_gray_pictures_get_three_channels(kind: str) -> None:
    picture = decode(encoded(np.full((40, 60), 77, np.uint8), kind))
    assert picture.shape == (40, 60, 3)
    assert np.abs(picture.astype(int) - 77).max() <= 1


def test_a_picture_is_turned_upright() -> None:
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)  # the camera was turned by a quarter
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">IH", 8, 1) + orientation + struct.pack(">I", 0)
    data = encoded(painted())
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert size(turned) == (60, 40)
    picture = decode(turned)
    assert picture.shape == (60, 40, 3)
    assert picture[15, 20, 2] > 200  # red is above now


def test_large_jpegs_are_decoded_smaller() -> None:
    data = encoded(painted(1600, 1200))
    assert decode(data, enough=400).shape == (300, 400, 3)
    assert decode(data, enough=401).shape == (600, 800, 3)
    assert decode(data, enough=1600).shape == decode(data).shape == (1200, 1600, 3)
    assert looks_painted(decode(data, enough=100))
    assert decode(encoded(painted(800, 600), ".png"), enough=400).shape == (300, 400, 3)


def test_what_claims_to_be_huge_is_not_decoded() -> None:
    png = encoded(painted(), ".png")
    bomb = png[:16] + struct.pack(">II", 60_000, 60_000) + png[24:]
    with pytest.raises(BadInput, match="60000 x 60000 pixels; at most 16 million"):
        decode(bomb)
    jpeg = encoded(painted())
    place = jpeg.index(b"\xff\xc0") + 5
    bomb = jpeg[:place] + struct.pack(">HH", 65_500, 65_500) + jpeg[place + 4 :]
    with pytest.raises(BadInput, match="65500 x 65500 pixels"):
        decode(bomb)


def test_endless_scans_are_not_decoded() -> None:
    jpeg = encoded(painted(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    with pytest.raises(BadInput, match=f"more than {MAX_SCANS} scans"):
        decode(jpeg[:-2] + scan * MAX_SCANS + jpeg[-2:])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "payload is empty"),
        (b"hello", "no picture: send a JPEG or a PNG"),
        (b"GIF89a" + bytes(100), "no picture"),
        (b"\xff\xd8\xff", "no header"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(100), "no header"),
        (b"\x89PNG\r\n\x1a\n", "no header"),
        (encoded(painted())[:-40], "cut off: its end is missing"),
        (encoded(painted())[:30], "no header"),
        (encoded(painted(), ".png")[:-20], "cut off: its end is missing"),
        (encoded(painted(), ".png").replace(struct.pack(">II", 60, 40), bytes(8)), "0 x 0 pixels"),
    ],
)
def test_what_is_no_whole_picture(data: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        decode(data)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([encoded(painted()), encoded(painted(), ".png")]),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=20),
)
def test_damaged_pictures_are_pictures_or_refused(data: bytes, damages: list[tuple[int, bytes]]) -> None:
    for anywhere, damage in damages:
        place = anywhere % len(data)
        data = data[:place] + damage + data[place + len(damage) :]
    try:
        picture = decode(data)
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert picture.ndim == 3
        assert picture.shape[2] == 3


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[image\]'"):
        decode(b"")


@pytest.mark.parametrize("shape", [(20_000, 2), (2, 20_000), (9_000, 5)])
@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_thin_picture_keeps_both_its_sides(shape: tuple[int, int], kind: str) -> None:
    """OpenCV reads no JPEG at an eighth of its size that has fewer than eight pixels across."""
    data = cv2.imencode(kind, np.full((*shape, 3), 200, np.uint8))[1].tobytes()
    picture = decode(data, enough=640)
    assert min(picture.shape[:2]) >= 1
    assert max(picture.shape[:2]) >= 640
