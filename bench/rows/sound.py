"""Sound that cannot be."""

from __future__ import annotations

from typing import Any, Final

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from bench.rows.core import Row, answered, told_once

EARS: Final = ("vad", "wake", "asr")

ANSWERS: Final = frozenset({"transcript", "audio-stop", "not-detected"})


def sound() -> list[Row]:
    """Return the rows."""
    forms: list[tuple[str, Any, Any, Any]] = [
        ("rate 0", 0, 2, 1),
        ("rate 1", 1, 2, 1),
        ("rate -16000", -16000, 2, 1),
        ("rate 10^9", 10**9, 2, 1),
        ('rate "16000"', "16000", 2, 1),
        ("rate 16000.5", 16000.5, 2, 1),
        ("rate true", True, 2, 1),
        ("rate null", None, 2, 1),
        ("rate [16000]", [16000], 2, 1),
        ("width 0", 16000, 0, 1),
        ("width 5", 16000, 5, 1),
        ('width "2"', 16000, "2", 1),
        ("channels 0", 16000, 2, 0),
        ("channels 99", 16000, 2, 99),
        ("channels null", 16000, 2, None),
    ]
    start, stop = AudioStart(16000, 2, 1).event(), AudioStop().event()
    found = []
    for name, rate, width, channels in forms:
        form = {"rate": rate, "width": width, "channels": channels}
        chunk = Event("audio-chunk", form, bytes(65_536))
        found.append(Row(f"{name} in audio-start", EARS, told_once(Event("audio-start", form), chunk, chunk, stop)))
        found.append(Row(f"{name} in audio-chunk", EARS, told_once(start, chunk, chunk, chunk, stop)))
    for name, width, channels, size in (
        ("odd bytes", 2, 1, 1001),
        ("half a frame", 2, 2, 1002),
        ("24 bit", 3, 1, 1001),
    ):
        form = {"rate": 16000, "width": width, "channels": channels}
        chunk = Event("audio-chunk", form, bytes(size))
        found.append(Row(f"{name} in audio-chunk", EARS, told_once(Event("audio-start", form), chunk, chunk, stop)))
    empty = AudioChunk(16000, 2, 1, b"").event()
    largest = Event("audio-chunk", {"rate": 8000, "width": 1, "channels": 1}, b"\x80" * (1 << 20))
    return [
        *found,
        Row("no format at all", EARS, told_once(Event("audio-start"), Event("audio-chunk", {}, bytes(100)), stop)),
        Row("no sound", EARS, answered(start, stop, by=ANSWERS)),
        Row("empty chunks", EARS, answered(start, *[empty] * 200, stop, by=ANSWERS)),
        Row("one chunk of two minutes", EARS, answered(Event("audio-start", largest.data), largest, stop, by=ANSWERS)),
    ]
