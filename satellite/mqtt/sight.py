"""What Home Assistant is told of what a camera sees, and how often. Pure logic: times are given, in seconds.

What changes is told at once. What stays is told now and then: every value lands in Home Assistant's history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wyoming_servers.wire.image import LabelScore

PERSON = "person"
"""The label of COCO's models and of the people detector."""

HOLD_S = 10.0
"""So long a person is said to be there after they were last seen, so that one missed frame does not switch a light."""

BLIND_S = 10.0
"""Who has not looked for so long, and for three frames, knows nothing of the room."""

CHANGE_S = 0.2
"""The least time between two labels."""

SAME_S = 5.0
"""How often the score of a label that stays is told."""

IMAGE_CHANGE_S = 1.0
IMAGE_SAME_S = 10.0
"""The least time between two images, of another and of the same label."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be told now."""

    label: bool = False
    image: bool = False


class Sight:
    """One camera's."""

    def __init__(self, fps: float) -> None:
        self.labels: tuple[LabelScore, ...] | None = None
        """What it sees; None while it does not look."""
        self.person: bool | None = None
        """Whether somebody is there; None while nobody knows."""
        self._blind_after = max(BLIND_S, 3 / fps)
        self._looked = float("-inf")
        self._person_seen = float("-inf")
        self._told: str | None = ""  # nothing yet
        self._told_at = float("-inf")
        self._image: str | None = None
        self._image_at = float("-inf")

    @property
    def name(self) -> str | None:
        """The best label's; "nothing" where nothing is seen, None where nobody looks."""
        if self.labels is None:
            return None
        return self.labels[0].name if self.labels else "nothing"

    def looked(self, labels: Sequence[LabelScore], now: float) -> Due:
        """Take what was seen just now."""
        self.labels = tuple(sorted(labels, key=lambda label: -label.score))
        self._looked = now
        if any(label.name == PERSON for label in labels):
            self._person_seen = now
        self._judge(now)
        due = Due(self._is_label_due(now), bool(labels) and self._is_image_due(now))
        if due.label:
            self._told, self._told_at = self.name, now
        if due.image:
            self._image, self._image_at = self.name, now
        return due

    def passed(self, now: float) -> Due:
        """Learn that time has passed; call it about once a second."""
        if now - self._looked > self._blind_after:
            self.blind()
        else:
            self._judge(now)
        due = Due(self.name != self._told)
        if due.label:
            self._told, self._told_at = self.name, now
        return due

    def blind(self) -> None:
        """Learn that it looks no more."""
        self.labels = self.person = None
        self._looked = self._person_seen = float("-inf")

    def _judge(self, now: float) -> None:
        self.person = now - self._person_seen <= HOLD_S

    def _is_label_due(self, now: float) -> bool:
        return now - self._told_at >= (SAME_S if self.name == self._told else CHANGE_S)

    def _is_image_due(self, now: float) -> bool:
        return now - self._image_at >= (IMAGE_SAME_S if self.name == self._image else IMAGE_CHANGE_S)
