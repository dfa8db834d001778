"""Whether what Whisper wrote can be what was said: rules over one attempt. Nothing here has seen the sound."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

# The first three are OpenAI's, from `transcribe` of its own program (https://github.com/openai/whisper).
MOST_COMPRESSION = 2.4
"""Length of the text over that of what zlib makes of it: above, it repeats itself."""

LEAST_LOG_PROBABILITY = -1.0
"""Mean over the tokens: below, it was a guess."""

SURE_LOG_PROBABILITY = -0.3
"""Mean over the tokens: from here on, following several texts is not worth its time. Chosen, not measured: that takes
trained weights and people's voices."""

MOST_NO_SPEECH = 0.6
"""Probability of "no speech": above, and with a guess for a text, there was none."""

MOST_REPEATS = 3
"""Of the same words in a row. A short text compresses badly however often it repeats itself."""

_LONGEST_REPEATED = 12
"""Tokens."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What Whisper wrote at one try."""

    text: str
    tokens: Sequence[int]
    ended: bool
    """It wrote the token that ends a text, before as many tokens as nobody can say in the time."""

    log_probability: float
    """Mean, natural logarithm"""

    no_speech: float
    """Probability"""

    language: str

    @property
    def compression(self) -> float:
        """How well the text compresses, as length over length; 0 where it is empty."""
        text = self.text.encode()
        return len(text) / len(zlib.compress(text)) if text else 0.0

    @property
    def repeats(self) -> int:
        """How often the same tokens stand in a row, at most; 1 where nothing is repeated."""
        most = 1
        tokens = self.tokens
        for unit in range(1, _LONGEST_REPEATED + 1):
            run = 0
            for at in range(unit, len(tokens)):
                run = run + 1 if tokens[at] == tokens[at - unit] else 0
                most = max(most, 1 + run // unit)
        return most

    @property
    def is_silence(self) -> bool:
        """True where Whisper itself says that nobody spoke."""
        return self.no_speech > MOST_NO_SPEECH and self.log_probability < LEAST_LOG_PROBABILITY

    @property
    def is_sure(self) -> bool:
        """True where nothing speaks against it, and Whisper hardly hesitated."""
        return self.log_probability >= SURE_LOG_PROBABILITY and not self.doubt()

    def doubt(self) -> str:
        """Return why this can hardly be what was said, "" where it can."""
        if not self.ended:
            return "it has no end"
        if self.compression > MOST_COMPRESSION:
            return f"it compresses {self.compression:.1f} times"
        if self.repeats > MOST_REPEATS:
            return f"it says the same {self.repeats} times"
        if self.log_probability < LEAST_LOG_PROBABILITY:
            return f"it is a guess ({self.log_probability:.2f})"
        return ""


def settled(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return what to believe of `attempts`: the last, where it is good, else the likeliest that is no endless text.

    None where each of them was one, or where nobody spoke.
    """
    last = attempts[-1]
    if last.is_silence:
        return None
    if not last.doubt():
        return last
    ended = [one for one in attempts if one.ended and one.compression <= MOST_COMPRESSION]
    return max(ended, key=lambda one: one.log_probability, default=None)
