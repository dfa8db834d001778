"""From the bytes of a JPEG or PNG to a picture, with bounds: what a header announces is judged before it is decoded."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from models.engine import BadInput, EngineUnavailable

MAX_PIXELS = 16_000_000
"""A 4K camera has half of this, a phone's photo three quarters; 48 MB when decoded."""

MAX_SCANS = 100
"""Passes of a progressive JPEG; encoders make about ten, and each costs as much as the whole picture."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # the markers SOF0 to SOF15, without DHT, JPG, DAC
_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def decode(data: bytes, *, enough: int | None = None) -> npt.NDArray[np.uint8]:
    """Return the picture: height x width x 3, blue, green, red; upright, as its EXIF orientation says.

    Gray, CMYK and 16-bit pictures are converted, an alpha channel is dropped. `enough` is a longer side in pixels that
    will do: a larger JPEG is then decoded at a half, a quarter or an eighth of its size, which is quicker.

    Raises `BadInput` for what is no JPEG or PNG, is cut off or damaged, or has more than `MAX_PIXELS`.
    """
    try:
        import cv2
    except ImportError as error:
        raise EngineUnavailable(
            f"pictures need opencv-contrib-python-headless ({error}): pip install 'wyoming-hearth[image]'"
        ) from error
    width, height = size(data)
    if width * height > MAX_PIXELS:
        raise BadInput(
            f"the picture has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million are taken"
        )
    flags = cv2.IMREAD_COLOR
    if enough is not None:
        for factor, reduced in (
            (8, cv2.IMREAD_REDUCED_COLOR_8),
            (4, cv2.IMREAD_REDUCED_COLOR_4),
            (2, cv2.IMREAD_REDUCED_COLOR_2),
        ):
            if max(width, height) >= factor * enough and min(width, height) >= factor:  # a side of 0 is no picture
                flags = reduced
                break
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise BadInput(f"the picture is damaged: {error.err}") from error
    if picture is None:
        raise BadInput("the picture is damaged: it cannot be decoded")
    return np.asarray(picture, np.uint8)


def size(data: bytes) -> tuple[int, int]:
    """Return width and height as the header announces them; raise `BadInput` where there is no whole picture."""
    if data.startswith(_PNG):
        return _png_size(data)
    if data.startswith(_JPEG):
        return _jpeg_size(data)
    raise BadInput("this is no picture: send a JPEG or a PNG" if data else "there is no picture: the payload is empty")


def _png_size(data: bytes) -> tuple[int, int]:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise BadInput("the PNG is cut off or damaged: it has no header")
    if data.rfind(b"IEND") < 0:
        raise BadInput("the PNG is cut off: its end is missing")
    width, height = struct.unpack(">II", data[16:24])
    return _positive(width, height)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in _JPEG_SIZES:
            if data.count(_SCAN) > MAX_SCANS:
                raise BadInput(f"the JPEG has more than {MAX_SCANS} scans; save it as an ordinary one")
            if data.rfind(_END) < data.rfind(_SCAN):
                raise BadInput("the JPEG is cut off: its end is missing")
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return _positive(width, height)
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise BadInput("the JPEG is cut off or damaged: it has no header")


def _positive(width: int, height: int) -> tuple[int, int]:
    if not width or not height:
        raise BadInput(f"the picture is {width} x {height} pixels")
    return width, height
