"""Many cameras in one client: `python -P -m bench.cameras URI CAMERAS SECONDS FOLDER` sends the JPEG files of FOLDER.

Each keeps as many images unanswered as the server gives it credit for. Prints, as JSON, how many were classified in how
many seconds, the first one left out, how many were in all, and what was seen in each file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count
from pathlib import Path

from bench.report import BenchError
from wyoming_servers.wire import answer, connect_to
from wyoming_servers.wire.image import Classification, Classify, Image, ImageCredit

_WARM_S = 1.0
_ANSWER_S = 30.0


async def _camera(uri: str, files: list[tuple[str, bytes]], ends: float, seen: dict[str, str]) -> list[float]:
    """Send until `ends`; return when each was classified."""
    done: list[float] = []
    async with connect_to(uri) as connection:
        await connection.send(Classify(top_k=1, threshold=0.0))
        credit = ImageCredit.from_event(await answer(connection, _ANSWER_S)).credits
        unanswered: set[str] = set()
        for number in count():
            now = time.monotonic()
            if now < ends and len(unanswered) < credit:
                name, data = files[number % len(files)]
                unanswered.add(f"{number} {name}")
                await connection.send(Image(f"{number} {name}", "jpeg", 640, 480, data))
                continue
            if not unanswered:
                return done
            found = Classification.from_event(await answer(connection, _ANSWER_S))
            unanswered.discard(found.id)
            if found.status == "ok":
                seen[found.id.partition(" ")[2]] = found.labels[0].name
                done.append(time.monotonic())
            elif found.status != "superseded":  # which is what happens to one of two that wait
                raise BenchError(f"an image was {found.status}: {found.text}")
    return done


async def main(uri: str, cameras: int, seconds: float, files: list[tuple[str, bytes]]) -> None:
    """Send with all, and print what came of it."""
    begins = time.monotonic() + _WARM_S
    seen: dict[str, str] = {}
    done = await asyncio.gather(
        *(
            _camera(uri, files[index % len(files) :] + files[: index % len(files)], begins + seconds, seen)
            for index in range(cameras)
        )
    )
    times = [at for camera in done for at in camera]
    images = sum(begins <= at <= begins + seconds for at in times)
    print(json.dumps({"images": images, "seconds": seconds, "answered": len(times), "seen": seen}))


if __name__ == "__main__":
    pictures = [(path.stem, path.read_bytes()) for path in sorted(Path(sys.argv[4]).glob("*.jpg"))]
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), pictures))
