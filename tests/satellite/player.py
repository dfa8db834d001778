"""A command that plays as aplay does, into the air: it holds some sound itself, and notes when what was to be heard."""

from __future__ import annotations

import sys
import time
from pathlib import Path

RATE = 22_050
CHUNK_S = 0.02


def play(log: Path, holds_s: float) -> None:
    """Write a line `SECONDS SAMPLES PEAK` for each chunk: the monotonic time at which it is heard."""
    held: list[bytes] = []
    began: float | None = None
    place = 0
    with log.open("w") as lines:
        while chunk := sys.stdin.buffer.read(round(CHUNK_S * RATE) * 2):
            held.append(chunk)
            if began is None and len(held) * CHUNK_S < holds_s:
                continue  # it begins when it holds all that it can, or there is no more
            began, place = _heard(held, began, place, lines)
            time.sleep(max(0.0, began + place * CHUNK_S - holds_s - time.monotonic()))
        began, place = _heard(held, began, place, lines)
    time.sleep(max(0.0, began + place * CHUNK_S - time.monotonic()))


def _heard(held: list[bytes], began: float | None, place: int, lines: object) -> tuple[float, int]:
    began = time.monotonic() if began is None else began
    for chunk in held:
        at = began + place * CHUNK_S
        began += max(0.0, time.monotonic() - at)  # it had nothing to play
        samples = memoryview(chunk).cast("h")
        print(began + place * CHUNK_S, len(samples), max(samples), file=lines, flush=True)  # type: ignore[call-overload]
        place += 1
    held.clear()
    return began, place


if __name__ == "__main__":
    play(Path(sys.argv[1]), float(sys.argv[2]))
