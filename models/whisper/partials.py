"""Captions: what has been said so far is written down again and again, and the part that will hardly change is told.

They have their price: of an utterance of 5.9 s, tiny took 1.28 s of CPU with them and 0.25 s without, on two cores. The
text itself comes no later, since what runs is told to stop when that is begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from models.engine import SAMPLE_RATE
from models.whisper.agreement import Agreement
from models.whisper.reader import Written
from models.whisper.run import Run, Stopped

_PARTIAL_S = 0.6
"""Of further speech, until it is worth writing down what was said so far."""


class Partials:
    """Writes down what has been said so far while it goes on, one run at a time, at most half of the time.

    Runs are stopped when the text itself is begun.
    """

    def __init__(self) -> None:
        self._agreement = Agreement()
        self._run: Run[Written] | None = None
        self._written = 0  # bytes of the piece that the last run knew
        self._began_at = 0.0
        self._rest_until = 0.0

    @property
    def certain(self) -> str:
        """The words that will hardly change any more."""
        return " ".join(self._agreement.words)

    def hear(self, said: Sequence[str], length: int, begin: Callable[[], Run[Written]]) -> None:
        """Take note that the piece after what was `said` has grown to `length` bytes; `begin` writes it down."""
        now = time.monotonic()
        if self._run is not None:
            if not self._run.is_over:
                return
            with suppress(Stopped):
                self._agreement.hear(" ".join([*said, self._run.wait().text]))
            self._run = None
            self._rest_until = now + (now - self._began_at)
        self._written = min(self._written, length)
        if now >= self._rest_until and length - self._written >= _PARTIAL_S * 2 * SAMPLE_RATE:
            self._written, self._began_at = length, now
            self._run = begin()

    def stop(self) -> None:
        """Let go of the run under way."""
        if self._run is not None:
            self._run.stop()
