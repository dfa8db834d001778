"""A classifier in a process of its own: takes pictures as they were sent, and tells what each shows.

Calls come from several threads. While one call's pictures are looked at, the next one's are decoded and made ready, for
one call at a time, so that no more than one large picture is in memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from models import picture
from models.engine import BadInput, Classifier, Label

Seen = tuple[list[Label], int] | str
"""The labels and how many ms it took, of the whole batch; or why the picture is none."""


class Looker:
    """The engine."""

    name: str
    version: str
    description: str
    labels: list[str]
    batch: int
    concurrent = True

    def __init__(self, classifier: Classifier) -> None:
        self.name, self.version, self.labels = classifier.name, classifier.version, classifier.labels
        self.description, self.batch = classifier.description, classifier.batch
        self._classifier = classifier
        self._decoding = Lock()
        classifier.classify(
            [np.zeros((256, 256, 3), np.uint8)] * classifier.batch
        )  # the first pays for what is made once

    def open(self) -> Looker:
        """Return itself: pictures have nothing to do with each other."""
        return self

    def look(self, pictures: Sequence[bytes]) -> list[Seen]:
        """Return what each picture shows, encoded as JPEG or PNG."""
        began = time.monotonic()
        with self._decoding:
            prepared = [self._prepare(data) for data in pictures]
        good = [one for one in prepared if not isinstance(one, str)]
        labels = iter(self._classifier.see(good))
        took = round((time.monotonic() - began) * 1000)
        return [one if isinstance(one, str) else (next(labels), took) for one in prepared]

    def _prepare(self, data: bytes) -> Any:
        try:
            return self._classifier.prepare(picture.decode(data, enough=self._classifier.enough))
        except BadInput as error:
            return str(error)
