"""Where speech starts and stops, from the probability of each window. Pure logic: no clock, no engine, no sound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.engine import SAMPLE_RATE, BadInput

THRESHOLD = 0.5
"""From Silero's own `get_speech_timestamps`."""

STOP_BELOW = 0.15
"""Speech goes on down to the threshold less this: Silero's `neg_threshold`."""

MIN_SPEECH_MS = 192
"""Six windows, by measurement: "help" and "no" have at least eight, a barking dog up to five. (Silero's: 250 ms.)"""

MIN_SILENCE_MS = 700
"""Home Assistant's: a pause within a sentence is shorter. (Silero's own 100 ms would end at each comma.)"""


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """Somebody speaks."""

    ms: int
    """Milliseconds of audio before the first window of speech: the true edge, not when it was known."""


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """Nobody speaks any more."""

    ms: int
    """Milliseconds of audio up to the end of the last window of speech."""


class VoiceSegmenter:
    """Turns probabilities into starts and stops, with hysteresis, a least length of speech and of silence.

    Speech has started once `min_speech_ms` of windows were at the threshold, the first of them, or above the lower
    threshold that ends it, with no quiet as long as `min_speech_ms` between. It has stopped after `min_silence_ms`
    of windows below the lower threshold. The times told are those of the edges, counted in samples.

    Raises `BadInput` for a threshold outside 0 to 1, or a negative time.
    """

    def __init__(
        self,
        *,
        threshold: float = THRESHOLD,
        min_speech_ms: int = MIN_SPEECH_MS,
        min_silence_ms: int = MIN_SILENCE_MS,
        window_samples: int = 512,
    ) -> None:
        if not 0 < threshold <= 1:
            raise BadInput(f"threshold is {threshold}; it must be above 0 and at most 1")
        if min_speech_ms < 0 or min_silence_ms < 0:
            raise BadInput(
                f"min_speech_ms is {min_speech_ms}, min_silence_ms {min_silence_ms}; neither may be negative"
            )
        self._start_at = threshold
        self._stop_below = max(threshold - STOP_BELOW, threshold / 2)
        self._min_speech = max(1, min_speech_ms * SAMPLE_RATE // 1000)
        self._min_silence = max(1, min_silence_ms * SAMPLE_RATE // 1000)
        self._window = window_samples
        self._heard = 0
        self._first = self._last = self._voiced = (
            0  # samples: where this speech began, where it last was, how much of it
        )
        self._candidate = False
        self.speaking = False
        """Whether a start was told and its stop was not."""

    def feed(self, probabilities: Iterable[float]) -> list[VoiceStarted | VoiceStopped]:
        """Hear the next windows' probabilities and return the edges that they make certain."""
        return [edge for probability in probabilities if (edge := self._window_heard(probability)) is not None]

    def finish(self) -> list[VoiceStarted | VoiceStopped]:
        """Return the stop of speech that was going on when the audio ended."""
        if not self.speaking:
            return []
        self.speaking = False
        return [self._stopped()]

    def _window_heard(self, probability: float) -> VoiceStarted | VoiceStopped | None:
        begin, self._heard = self._heard, self._heard + self._window
        open_ = self.speaking or self._candidate
        if probability >= (self._stop_below if open_ else self._start_at):
            if not open_:
                self._candidate, self._first, self._voiced = True, begin, 0
            self._last = self._heard
            self._voiced += self._window
            if self._candidate and self._voiced >= self._min_speech:
                self._candidate, self.speaking = False, True
                return VoiceStarted(_ms(self._first))
            return None
        quiet = self._heard - self._last
        if self._candidate and quiet >= self._min_speech:
            self._candidate = False
        elif self.speaking and quiet >= self._min_silence:
            self.speaking = False
            return self._stopped()
        return None

    def _stopped(self) -> VoiceStopped:
        return VoiceStopped(_ms(self._last))


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE
