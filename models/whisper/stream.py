"""One utterance on its way to Whisper: what is spoken is found, and written down before anybody asks for it.

- Silero tells speech from everything else; only speech, with a little around it, is written down.
- After a quarter of a second of silence the text is begun, in a thread of the stream's own. When the speaker has
  finished, it is there already; when they go on, it is thrown away. What is written down ends with that quarter of a
  second, so the text is the same whether it was begun early or not.
- Where the text is a sentence of the house, the turn ends after half a second of silence instead of 0.7.
- Speech of more than half a minute is written down in pieces, cut where the speaker pauses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from models.endpoint import EndOfTurn, Pauses
from models.engine import SAMPLE_RATE, VoiceActivityStream
from models.utterance import Utterance
from models.whisper.partials import Partials
from models.whisper.reader import Sound, Written
from models.whisper.run import Run, Stop, Stopped

_BEFORE_S = 0.3
"""Of sound before the first speech that is written down with it: soft first sounds."""

_AFTER_S = 0.25
"""Of silence after speech that is given with it, and after which the text is begun."""

_PAUSE_S = 1.0
"""Of silence within speech that is kept; a longer pause is cut out."""

_PIECE_S = 15.0
"""Of speech, after which the next pause ends a piece."""

_MOST_S = 28.0
"""Of speech without a pause, which is cut at its quietest place; Whisper's own window has 30."""

_BYTES_A_SECOND = 2 * SAMPLE_RATE
_CUT_BYTES = _BYTES_A_SECOND // 10


class WhisperStream(Utterance):
    """One utterance.

    `feed` takes 0.3 ms a window, and waits where a piece of long speech is not written down yet; `finish` waits until
    all of it is.
    """

    def __init__(
        self,
        write: Callable[[Sound, Stop], Written],
        activity: VoiceActivityStream,
        *,
        find_end: bool,
        language: str | None = None,
        hints: str = "",
        understands: Callable[[str], bool] | None = None,
        partials: bool = False,
    ) -> None:
        """`write` is called in threads; `language` and `hints` are those of `Sound`.

        `understands` tells whether a text is a sentence of the house. With `partials`, hearings tell what is `certain`
        already.
        """
        # No steady words: what was written down of finished sound will not change.
        super().__init__(activity, EndOfTurn(Pauses(steady=0.0)), find_end=find_end)
        self._write = write
        self._language = language
        self._hints = hints
        self._understands = understands
        self._nobody = threading.Event()
        self._audio = bytearray()  # of this piece: speech, and of the last silence no more than `_AFTER_S`
        self._pause = bytearray()  # the silence after that
        self._said: list[str] = []  # the pieces before
        self._spoken_before = 0.0
        self._run: Run[Written] | None = None  # writes down `_audio` as it is
        self._stale: Run[Written] | None = None  # the last run that was thrown away
        self._looked_at = False
        self._partials = Partials() if partials else None

    def cancel(self) -> None:
        """Let the work go that is under way: nobody wants the text any more. May be called beside another call."""
        self._nobody.set()

    def language(self) -> str | None:
        """Return the language of the text, None where there is no text yet."""
        return self._language

    # ---- one window after the other

    def _window(self, pcm: bytes) -> None:
        turn = self._turn
        begun, silent = turn.begun, turn.silence() > 0
        self._judge(pcm)
        if not turn.begun:
            if begun:
                self._forget()
            self._audio += pcm
            del self._audio[: -round((_BEFORE_S + turn.pauses.begin) * _BYTES_A_SECOND)]
        elif turn.silence() > 0:
            self._hear_silence(pcm)
        else:
            if silent:
                self._go_on()
            self._audio += pcm
            if len(self._audio) > _MOST_S * _BYTES_A_SECOND:
                self._cut()
            elif self._partials is not None:
                self._partials.hear(self._said, len(self._audio), self._begin)

    def _hear_silence(self, pcm: bytes) -> None:
        if self._turn.silence() <= _AFTER_S:
            self._audio += pcm
            return
        self._pause += pcm
        del self._pause[: -round(_PAUSE_S * _BYTES_A_SECOND)]
        if self._run is None and (self._stale is None or self._stale.is_over):
            if self._partials is not None:
                self._partials.stop()
            self._run = self._begin()
            self._looked_at = False
        self._look_at_text()

    def _look_at_text(self) -> None:
        """Tell the turn once what the text is, when it is there."""
        run = self._run
        if run is None or self._looked_at or not run.is_over or self._understands is None or self._nobody.is_set():
            return
        self._looked_at = True
        text = run.wait().text
        # Whether a sentence goes on from here nobody knows, so it may.
        self._turn.say(text.split(), complete=not self._said and self._understands(text), continuing=True)

    def _go_on(self) -> None:
        """The speaker goes on after a pause."""
        self._turn.say((), complete=False, continuing=True)
        if len(self._audio) > _PIECE_S * _BYTES_A_SECOND:
            self._end_piece()
            del self._pause[: -round(_BEFORE_S * _BYTES_A_SECOND)]
        else:
            self._throw_away()
        self._audio += self._pause
        self._pause.clear()

    def _forget(self) -> None:
        """Start afresh: what was heard was nothing."""
        self._throw_away()
        self._audio += self._pause
        self._pause.clear()

    def _certain(self) -> str:
        return self._partials.certain if self._partials is not None else ""

    def _result(self) -> str:
        """Return what was said, "" where nothing was; waits until it is written."""
        if self._partials is not None:
            self._partials.stop()
        if self._turn.begun and self._turn.silence() == 0:
            self._audio += self._rest
        self._end_piece()
        return " ".join(self._said)

    # ---- pieces

    def _cut(self) -> None:
        """End a piece in the midst of speech, at the quietest place of its last quarter."""
        start = len(self._audio) * 3 // 4 // _CUT_BYTES * _CUT_BYTES
        places = range(start, len(self._audio) - _CUT_BYTES, _CUT_BYTES)
        quietest = min(places, key=lambda at: _loudness(self._audio[at : at + _CUT_BYTES]))
        rest = self._audio[quietest:]
        del self._audio[quietest:]
        self._end_piece()
        self._audio += rest

    def _end_piece(self) -> None:
        """Write down what was said since the last piece, if anything was."""
        if self._spoken() >= self._turn.pauses.shortest:
            try:
                written = (self._run or self._begin()).wait()
            except Stopped:  # cancelled
                return
            self._language = self._language or written.language
            if written.text:
                self._said.append(written.text)
        else:
            self._throw_away()
        self._run = None
        self._spoken_before = self._turn.spoken
        self._audio.clear()

    def _spoken(self) -> float:
        """Return the seconds of speech in this piece."""
        return self._turn.spoken - self._spoken_before if self._turn.begun else 0.0

    def _begin(self) -> Run[Written]:
        """Begin to write this piece down."""
        sound = Sound(bytes(self._audio), self._spoken(), self._language, self._hints)
        return Run(lambda stop: self._write(sound, lambda: stop() or self._nobody.is_set()))

    def _throw_away(self) -> None:
        if self._run is not None:
            self._run.stop()
            self._stale, self._run = self._run, None


def _loudness(pcm: bytearray) -> float:
    samples = np.frombuffer(bytes(pcm), "<i2").astype(np.float64)
    return float(np.mean(samples**2))
