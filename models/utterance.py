"""One utterance on its way through a recognizer, window by window, until the speaker has finished."""

from __future__ import annotations

from abc import abstractmethod

from models.endpoint import EndOfTurn
from models.engine import Hearing, RecognizerStream, VoiceActivityStream
from models.silero import WINDOW_SAMPLES

_WINDOW_BYTES = 2 * WINDOW_SAMPLES


class Utterance(RecognizerStream):
    """What the streams of the recognizers share; each says what it makes of a window, and of the whole."""

    def __init__(self, activity: VoiceActivityStream, turn: EndOfTurn, *, find_end: bool) -> None:
        """`turn` tells when the speaker has finished, which ends the utterance where the stream is to `find_end`."""
        self._activity = activity
        self._turn = turn
        self._find_end = find_end
        self._rest = b""
        """Less than a window, which waits for more."""
        self._text = ""
        """The words so far, and in the end all of them."""
        self._ended = False

    def feed(self, pcm: bytes) -> Hearing:
        """Hear more (16 kHz mono s16), window by window."""
        if self._ended:
            return Hearing(self._text)
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % _WINDOW_BYTES
        self._rest = pcm[whole:]
        for start in range(0, whole, _WINDOW_BYTES):
            self._window(pcm[start : start + _WINDOW_BYTES])
            if self._find_end and self._turn.is_over():
                return Hearing(self.finish(), ended=True)
        if self._find_end and self._turn.is_over(waiting=len(self._rest) // 2):
            return Hearing(self.finish(), ended=True)
        return Hearing(self._text, certain=self._certain())

    def finish(self) -> str:
        """Return what was said, "" where nothing was."""
        if not self._ended:
            self._ended = True
            self._text = self._result()
        return self._text

    def _judge(self, pcm: bytes) -> None:
        """Let the turn know whether there is speech in a window."""
        [probability] = self._activity.feed(pcm)
        self._turn.hear(probability, WINDOW_SAMPLES)

    @abstractmethod
    def _window(self, pcm: bytes) -> None:
        """Take the next window, and `_judge` it."""

    @abstractmethod
    def _result(self) -> str:
        """Return the final text; called once."""

    def _certain(self) -> str:
        """Return `Hearing.certain`."""
        return ""
