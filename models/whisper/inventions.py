"""What Whisper writes when nobody speaks.

It was trained on films and videos with their subtitles, and over silence, music and noise these end with thanks,
credits and the names of those who made them. inventions.txt lists such endings, which its users report again
and again (https://github.com/openai/whisper/discussions/928 and 679, https://github.com/ggml-org/whisper.cpp/issues/1724).
People do say "thank you", so a text is dropped for being in the list only where the evidence for it is weak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from models.whisper.guard import SURE_LOG_PROBABILITY, Attempt

_SURE_NO_SPEECH = 0.3

_LETTERS_A_SECOND = 25.0
"""Nobody speaks faster: a long thank-you over a knock was not said."""

_ANNOTATION = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|<[^>]*>|[♩♪♫♬♭♮♯¶]")
"""[Music], (applause), *sighs*, ♪: what subtitles tell of sounds that are no speech."""

_BETWEEN = re.compile(r"[\W_]+")


def without_annotations(text: str) -> str:
    """Return the words of `text`, without what it tells of other sounds."""
    left = " ".join(_ANNOTATION.sub(" ", text).split())
    return left if _plain(left) else ""


def is_invention(attempt: Attempt, spoken: float, hints: str = "") -> bool:
    """Tell whether nobody said this: one of the endings, or the words that Whisper was told to expect.

    Only where the evidence for it is weak. `spoken` is the seconds of speech that were heard.
    """
    weak = (
        attempt.log_probability < SURE_LOG_PROBABILITY
        or attempt.no_speech > _SURE_NO_SPEECH
        or len(attempt.text) > spoken * _LETTERS_A_SECOND
    )
    return weak and (_is_ending(_plain(attempt.text)) or _is_echo(_plain(attempt.text), _plain(hints)))


def _is_ending(plain: str) -> bool:
    """Tell whether `plain` is one of the endings, once or again and again."""
    words = plain.split()
    for size in range(1, len(words) + 1):
        once = words[:size]
        if len(words) % size == 0 and once * (len(words) // size) == words and " ".join(once) in _KNOWN:
            return True
    return False


def _is_echo(plain: str, hints: str) -> bool:
    """Tell whether `plain` is three words or more of the `hints`, in their order."""
    return len(plain.split()) >= 3 and f" {plain} " in f" {hints} "


def _plain(text: str) -> str:
    return _BETWEEN.sub(" ", text.casefold()).strip()


def _all(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(_plain(line) for line in lines if line and not line.startswith("#"))


_KNOWN = _all(Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines())
