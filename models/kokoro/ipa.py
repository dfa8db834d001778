"""Text as Kokoro was taught to read it: espeak-ng's phonemes, with the marks that pauses and tones come from.

kokoro_onnx does the same with the package phonemizer, which loads espeak-ng once more for each language, from copies
in the temporary folder that stay there when a process is ended, and splits "21.5 °C." into "21" and "5".
"""

from __future__ import annotations

import re

from models.espeak import EspeakSynthesizer

_MARKS = re.compile(r"""
    \s* (?: [;!?¡¿—…"«»“”(){}\[\]] | (?<!\d) [:,.] | [:,.] (?!\d) )+ \s*
""", re.VERBOSE)  # fmt: skip
"""phonemizer's marks (its punctuation.py), but for a point, comma or colon between digits: it belongs to a number."""

_WIDE = str.maketrans("。，、！？：；（）「」।", ".,,!?:;()“”.")  # noqa: RUF001 - Chinese, Japanese, Hindi marks


class Ipa:
    """Reads texts, one at a time in a whole process; espeak-ng crashes on some."""

    def __init__(self) -> None:
        """Raises `EngineUnavailable` where espeakng-loader is not installed."""
        self._espeak = EspeakSynthesizer()

    def read(self, text: str, language: str) -> str:
        """Return `text` in phonemes; `language` is BCP 47. A text of nothing but marks is returned as it is."""
        text = " ".join(text.translate(_WIDE).split())
        read, at = [], 0
        for mark in _MARKS.finditer(text):
            read += [self._words(text[at : mark.start()], language), mark[0]]
            at = mark.end()
        return "".join([*read, self._words(text[at:], language)]).strip()

    def _words(self, text: str, language: str) -> str:
        return self._espeak.phonemes(text, language=language) if text.strip() else ""
