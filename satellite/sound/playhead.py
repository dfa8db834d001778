"""When each sample of a sound is heard that is written piece by piece and played at live speed."""

from __future__ import annotations

from bisect import bisect_right


class Playhead:
    """Pure logic: it is told how much was written, and when.

    What is written while earlier sound is still playing is heard right after it; what comes later is heard at once.
    """

    def __init__(self, rate: int) -> None:
        self.samples = 0
        """Samples written so far."""
        self._rate = rate
        self._runs: list[tuple[int, float]] = []  # first sample and time of each run without a gap

    def wrote(self, samples: int, now: float) -> None:
        """Take note of `samples` more, written at `now` (seconds on any clock that only goes forward)."""
        if samples and (not self._runs or now > self.end):
            self._runs.append((self.samples, now))
        self.samples += samples

    @property
    def end(self) -> float:
        """The time at which all that was written has been heard; minus infinity before anything was."""
        return self.at(self.samples) if self._runs else float("-inf")

    def at(self, sample: int) -> float:
        """Return the time at which `sample` is heard; one of a later run for a sample at its very start."""
        first, began = self._runs[max(0, bisect_right(self._runs, sample, key=lambda run: run[0]) - 1)]
        return began + (sample - first) / self._rate
