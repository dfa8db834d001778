"""When a speaker has finished: rules over silence and words, counted in samples.

Nothing here hears anything. Whoever does tells an `EndOfTurn` the probability of speech of one window after the other,
and what the words so far are; it says when the turn is over.

Silence counts from where speech really ended: a detector's probability falls about `LAG` later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.engine import SAMPLE_RATE

SPEECH = 0.5
"""Probability from which a window is speech."""

SILENCE = 0.35
"""Probability below which speech has ended; in between it goes on."""

LAG = round(0.032 * SAMPLE_RATE)
"""Silero falls a window after the last sound: by the end of the last window of speech, the last 10 ms within 40 dB of
the loudest were over for 36 ms (median; 23 to 47 in 8 of 10 clips of office_lights)."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait, in seconds."""

    complete: float = 0.25
    """Of silence after a sentence that no longer one continues."""

    continuing: float = 0.5
    """Of silence after a sentence that may go on."""

    otherwise: float = 0.7
    """Of silence after anything else."""

    steady: float = 0.2
    """A sentence counts as one when its words have not changed for so long."""

    begin: float = 0.096
    """Of speech in one piece, until somebody speaks at all: a click is shorter."""

    shortest: float = 0.25
    """Of speech that is no sentence: what is shorter was a cough or a knock, and is forgotten."""

    nothing: float = 15.0
    """Until nobody is expected to speak any more; Home Assistant's microVAD waits as long."""

    longest: float = 20.0
    """Of a turn from its first word: no sentence of a house is as long, a radio talks on."""


class EndOfTurn:
    """Follows one turn."""

    def __init__(self, pauses: Pauses | None = None) -> None:
        self.pauses = pauses or Pauses()
        self._heard = 0
        self._begun_at: int | None = None
        self._speaking = False
        self._run = 0
        self._spoken = 0
        self._silent_from = 0
        self._words: tuple[str, ...] = ()
        self._words_from = 0
        self._complete = False
        self._continuing = True

    @property
    def begun(self) -> bool:
        """True when somebody speaks or has spoken."""
        return self._begun_at is not None

    @property
    def spoken(self) -> float:
        """Seconds of speech so far."""
        return self._spoken / SAMPLE_RATE

    def silence(self, waiting: int = 0) -> float:
        """Return the seconds since the last speech: 0 while somebody speaks, and before anybody has.

        `waiting` are samples that have come but do not make a window yet.
        """
        if self._speaking or not self.begun:
            return 0.0
        return max(0, self._heard + waiting - self._silent_from) / SAMPLE_RATE

    def hear(self, probability: float, samples: int) -> None:
        """Take the next window, of `samples`, which is speech with `probability`."""
        start, self._heard = self._heard, self._heard + samples
        if probability >= (SILENCE if self._speaking else SPEECH):
            self._speaking = True
            self._run += samples
            self._spoken += samples
            if not self.begun and self._run >= round(self.pauses.begin * SAMPLE_RATE):
                self._begun_at = self._heard - self._run
            return
        if self._speaking:
            self._silent_from = start - LAG
        self._speaking = False
        self._run = 0
        if not self.begun or self._was_nothing():
            self._begun_at = None
            self._spoken = 0

    def say(self, words: Sequence[str], *, complete: bool, continuing: bool) -> None:
        """Tell what the words so far are, whether they are a sentence, and whether a sentence goes on from them."""
        if tuple(words) != self._words:
            self._words = tuple(words)
            self._words_from = self._heard
        self._complete = complete
        self._continuing = continuing

    def is_over(self, waiting: int = 0) -> bool:
        """Tell whether the speaker has finished, or will not begin; `waiting` as for `silence`."""
        now = self._heard + waiting
        if self._begun_at is None:
            return now >= self.pauses.nothing * SAMPLE_RATE
        if now - self._begun_at >= self.pauses.longest * SAMPLE_RATE:
            return True
        return self.silence(waiting) >= self._pause(now)

    def _pause(self, now: int) -> float:
        if not self._complete or now - self._words_from < self.pauses.steady * SAMPLE_RATE:
            return self.pauses.otherwise
        return self.pauses.continuing if self._continuing else self.pauses.complete

    def _was_nothing(self) -> bool:
        return not self._complete and self.spoken < self.pauses.shortest and self.silence() >= self.pauses.otherwise
