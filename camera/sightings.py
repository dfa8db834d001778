"""What the cameras saw last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wyoming_servers.wire.image import LabelScore

KEEP_S = 5.0
"""Older sightings tell of a room that may have changed."""


class Sightings:
    """The newest labels of each camera. Pure logic: times are given, in seconds of any clock that goes forward."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[float, tuple[LabelScore, ...]]] = {}

    def saw(self, camera: str, labels: Sequence[LabelScore], time: float) -> None:
        """Take what `camera` saw in the frame that it took at `time`; an older frame than the last changes nothing."""
        if camera not in self._newest or time > self._newest[camera][0]:
            self._newest[camera] = (time, tuple(labels))

    def listed(self, now: float) -> list[dict[str, Any]] | None:
        """Return what a turn's context carries: `name`, `score`, `age_ms` and `camera` of everything seen lately.

        None means that nobody has looked lately, which is not the same as nothing to see.
        """
        fresh = [(camera, *seen) for camera, seen in self._newest.items() if now - seen[0] <= KEEP_S]
        if not fresh:
            return None
        return [
            {"name": label.name, "score": round(label.score, 3), "age_ms": round((now - time) * 1000), "camera": camera}
            for camera, time, labels in fresh
            for label in labels
        ]
