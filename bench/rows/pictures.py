"""Pictures that are none, and orders that make no sense."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from wyoming.event import Event

from bench.conversations import picture
from bench.rows.core import Row, answered, told_once


def pictures() -> list[Row]:
    """Return the rows."""
    good = picture()

    def image(data: bytes | None, **changed: Any) -> Event:
        fields = {"id": "1", "format": "jpeg", "width": 640, "height": 480, **changed}
        return Event("image", {name: value for name, value in fields.items() if value is not ...}, data)

    invalid = {
        "no picture": image(None),
        "noise": image(bytes(range(256)) * 100),
        "8 MiB of noise": image(bytes(range(256)) * 32_768),
        "half a JPEG": image(good[: len(good) // 2]),
        "JPEG's first bytes": image(good[:20]),
        "PNG of 50,000 x 50,000": image(_png(50_000, 50_000), format="png", width=50_000, height=50_000),
        "PNG of 0 x 0": image(_png(0, 0), format="png"),
    }
    wrong = {
        "format gif": image(good, format="gif"),
        "format 5": image(good, format=5),
        "no id": image(good, id=...),
        "id 5": image(good, id=5),
        "id of 200 letters": image(good, id="x" * 200),
        "width 0": image(good, width=0),
        'height "480"': image(good, height="480"),
        "deadline -1": image(good, deadline_ms=-1),
        "timestamp true": image(good, timestamp=True),
    }
    orders: dict[str, dict[str, Any]] = {
        "unknown model": {"name": "nobody"},
        "top_k 0": {"top_k": 0},
        "threshold 2": {"threshold": 2},
        "threshold null byte": {"threshold": "\0"},
    }
    return [
        *(
            Row(f"picture: {name}", ("image",), answered(event, by=frozenset({"classification"})))
            for name, event in invalid.items()
        ),
        *(Row(f"picture: {name}", ("image",), told_once(event)) for name, event in wrong.items()),
        *(Row(f"classify: {name}", ("image",), told_once(Event("classify", data))) for name, data in orders.items()),
        Row("picture: deadline 0", ("image",), answered(image(good, deadline_ms=0), by=frozenset({"classification"}))),
        Row("picture: 200 at once", ("image",), answered(*[image(good)] * 200, by=frozenset({"classification"}))),
    ]


def _png(width: int, height: int) -> bytes:
    """Return a PNG that is much larger inside than outside."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(1_000_000))) + part(b"IEND", b"")
    )
