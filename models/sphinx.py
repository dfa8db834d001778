"""The embedded recognizer: pocketsphinx, listening for the sentences of the house and nothing else.

How it listens, with what each point does to the coffee commands of speech-to-intent among the sentences of the house:

- It hears only what Silero takes for speech, with a little around it: noise before and after is where wrong words come
  from, and more than half of a recording is not worth its time.
- The cepstral mean, which takes the microphone and the room out of the sound, is drawn towards that of the first
  `_LEVEL_S` of speech before any of it is decoded. pocketsphinx' own begins with one fixed value and learns too late.
  With a trigram model 27 of 100 clips come out right without these two, and 82 with them.
- The search runs in the grammar itself, exactly, in one pass (`models.sentences.language_model`): 96 of 100. Settings
  were chosen on every second clip in the order of their names (49 of 50); of the others it is 47 of 50.
- A grammar finds one of its sentences in everything. So a second search listens for phonemes in any order; how much
  worse the sentence fits the sound, and how likely it is at all, tell whether anybody said it (`_LEAST_FIT`).

pocketsphinx holds the interpreter's lock while it works: run this in a process of its own, one stream at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.endpoint import EndOfTurn
from models.engine import SAMPLE_RATE, BadInput, EngineError, EngineUnavailable, Recognizer
from models.sentences import language_model
from models.silero import SileroVoiceActivity
from models.utterance import Utterance

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_ACOUSTICS = "en-us/en-us"
_PHONEMES = "en-us/en-us-phone.lm.bin"

_LEVEL_S = 0.5
_EARLY_S = 0.1
"""Of silence, after which what was shorter than `_LEVEL_S` is decoded too."""

_BEFORE_S = 0.3
"""Of sound before the first speech that is decoded with it: soft first sounds, and noise to know the noise by."""

_AFTER_S = 0.7
"""Of silence that is decoded after speech; a longer pause is cut out."""

_FIRST_MEAN = "59.2,7.9,-2.1,16.0,-2.1,-1.5,-4.4,-5.4,-1.0,-3.5,1.8,-2.8,-1.0"
"""Cepstral mean before anybody has spoken: that of the coffee commands. pocketsphinx goes on from the mean of what it
heard before, as if that had been 500 frames, so that a worker gets to know its room; a mean of each utterance's own
half second, with no memory, makes 94 of the 100 right instead of 96."""

_NOISE = 0.01
"""Of the root mean square of the first speech, 40 dB below it: what is quieter gets noise up to there. Speech made by a
computer has digital silence between its sounds, which no microphone ever hears: by espeak-ng 36 of 51 sentences come
out right without this noise under them, and 46 with it. Of the coffee commands it costs one."""

_QUIET = 0.1
"""The quantile of the first 10 ms frames that is taken for the floor."""

_FRAME_SAMPLES = SAMPLE_RATE // 100

_BYTES_A_SECOND = 2 * SAMPLE_RATE
_SENTENCES, _LEVEL = "_default", "level"

_SEARCH = {"lw": 2.0, "beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-40, "silprob": 0.3, "fillprob": 0.01}
_COMMON = {"loglevel": "FATAL", "bestpath": False, "compallsen": True}
"""Scores of the two searches compare only when both are made of all senones."""

# Whether somebody said it: the sentence's acoustic score against that of the best phonemes, per 10 ms of its words,
# with `_WORST_WORD` of the same of the word that fits worst, and `_CHANCE` times the logarithm of its chance among all
# sentences. The factors are from a logistic regression of 166 sentences that were said (office_lights, half of coffee,
# espeak-ng) against 350 that were not (coffee without its sentences, pieces of speech, wake words, espeak-ng). People
# who said a sentence got -80 or more, espeak-ng -101 or more; of other recordings 4 in 75 pass, and none of books.
_WORST_WORD = 0.75
_CHANCE = 440.0
_LEAST_FIT = -102.0

_SHORT_WORD = 10
"""Frames; shorter words count as this long, since a few bad frames say little."""


class SphinxRecognizer(Recognizer):
    """The engine; loading it takes 0.3 s. Its streams share one decoder: opening one ends the one before.

    `folder` is a language model's. Raises `EngineUnavailable` when pocketsphinx is not installed, `EngineError` when
    the language model is damaged.
    """

    name = "pocketsphinx"

    def __init__(self, folder: Path, language: str = "en") -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise EngineUnavailable(f"no pocketsphinx ({error}): pip install 'wyoming-hearth[asr]'") from error
        model = language_model.load(folder)
        if model is None:
            raise EngineError(f"the language model in {folder} is damaged; start the server again to make a new one")
        self.version = metadata.version("pocketsphinx")
        self.languages = [language]
        self.grammar = model.grammar
        self.activity = SileroVoiceActivity()
        pocketsphinx.set_loglevel("FATAL")
        common = {**_COMMON, "hmm": pocketsphinx.get_model_path(_ACOUSTICS)}
        self._sentences: Decoder = pocketsphinx.Decoder(
            **common, **_SEARCH, fsg=str(model.sentences), dict=str(model.dictionary)
        )
        self._phonemes: Decoder = pocketsphinx.Decoder(
            **common, allphone=pocketsphinx.get_model_path(_PHONEMES), lw=2.0, dict=None
        )
        word = next(iter(self.grammar.words))
        self._sentences.add_fsg(_LEVEL, self._sentences.create_fsg(_LEVEL, 0, 1, [(0, 1, 1.0, word)]))
        self._sentences.activate_search(_SENTENCES)
        self._decoding = False
        self._warm()

    def open(
        self,
        *,
        find_end: bool = True,
        language: str | None = None,
        names: Sequence[str] = (),  # noqa: ARG002 - it hears the sentences of the house and nothing else
        terms: Sequence[str] = (),  # noqa: ARG002
    ) -> SphinxStream:
        """Return a stream for one utterance, see `Recognizer.open`; the one before is over."""
        if language is not None and language.replace("_", "-").partition("-")[0].lower() not in self.languages:
            raise BadInput(f"{self.name} does not know the language {language!r:.40}: it knows {self.languages[0]}")
        self.stop()
        return SphinxStream(self, find_end=find_end)

    def start(self, pcm: bytes, speech: bytes) -> None:
        """Begin to decode with `pcm`, whose level is that of `speech`."""
        self._noise = _Noise(pcm, speech)
        speech = self._noise.under(speech)
        self._sentences.activate_search(_LEVEL)  # a search that costs nothing: only the sound's features are wanted
        self._sentences.start_utt()
        self._sentences.process_raw(speech)
        level = self._sentences.get_cmn(True)
        self._sentences.end_utt()
        self._sentences.activate_search(_SENTENCES)
        for decoder in (self._sentences, self._phonemes):
            decoder.set_cmn(level)
            decoder.start_utt()
        self._decoding = True
        self.decode(pcm)

    def decode(self, pcm: bytes) -> None:
        """Go on with `pcm`."""
        pcm = self._noise.under(pcm)
        self._sentences.process_raw(pcm)
        self._phonemes.process_raw(pcm)

    def stop(self) -> None:
        """Decode what is held back; nothing if nothing is being decoded."""
        if self._decoding:
            self._sentences.end_utt()
            self._phonemes.end_utt()
        self._decoding = False

    def _warm(self) -> None:
        """Do once what the first utterance would pay for: touch the models' pages."""
        noise = np.random.default_rng(0).integers(-1000, 1000, SAMPLE_RATE, dtype=np.int16).tobytes()
        self.start(noise, noise)
        self.stop()
        self.understands(self.words())
        for decoder in (self._sentences, self._phonemes):
            decoder.set_cmn(_FIRST_MEAN)

    def words(self) -> list[str]:
        """Return the words so far."""
        heard = self._sentences.hyp()
        return heard.hypstr.split() if heard else []

    def understands(self, words: Sequence[str]) -> bool:
        """Tell whether `words`, which are what is heard, are a sentence, and whether somebody said it."""
        if not self.grammar.is_complete(words):
            return False
        spans = _spans(self._sentences)
        said = [span for span in spans if span.word[0] not in "<[("]  # the others are silence, noise and the end
        frames = sum(span.frames for span in said)
        if not frames:
            return False
        phonemes = _Scores(_spans(self._phonemes))
        gaps = [(span.score - phonemes.of(span), span.frames) for span in said]
        fit = sum(gap for gap, _ in gaps) / frames
        worst = min(gap / max(count, _SHORT_WORD) for gap, count in gaps)
        return fit + _WORST_WORD * worst + _CHANCE * self.grammar.log_chance(words) / frames >= _LEAST_FIT


class SphinxStream(Utterance):
    """One utterance; 20 ms of it take about 3 ms while somebody speaks, and next to nothing otherwise."""

    def __init__(self, engine: SphinxRecognizer, *, find_end: bool) -> None:
        super().__init__(engine.activity.open(), EndOfTurn(), find_end=find_end)
        self._engine = engine
        self._audio = bytearray()
        self._before = 0
        self._decoded = 0
        self._decoding = False

    def language(self) -> str:
        """Return the language of the sentences."""
        return self._engine.languages[0]

    def _window(self, pcm: bytes) -> None:
        turn = self._turn
        self._judge(pcm)
        if self._decoding and turn.begun:
            self._go_on(pcm)
            return
        if self._decoding:
            self._forget()
        self._audio += pcm
        if not turn.begun:
            del self._audio[: -round((_BEFORE_S + turn.pauses.begin) * _BYTES_A_SECOND)]
            self._before = max(0, len(self._audio) - round(turn.pauses.begin * _BYTES_A_SECOND))
        elif turn.spoken >= _LEVEL_S or turn.silence() >= _EARLY_S:
            self._start()

    def _start(self) -> None:
        audio = bytes(self._audio)
        self._audio.clear()
        self._engine.start(audio, audio[self._before :])
        self._decoded = len(audio)
        self._decoding = True

    def _go_on(self, pcm: bytes) -> None:
        silence = self._turn.silence()
        if silence > _AFTER_S:  # only where the client finds the end
            self._audio += pcm
            del self._audio[: -round(_BEFORE_S * _BYTES_A_SECOND)]
            return
        pcm = bytes(self._audio) + pcm
        self._audio.clear()
        if self._decoded > self._turn.pauses.longest * _BYTES_A_SECOND:
            return  # nothing of the house takes so long to say; `_result` says so
        self._decoded += len(pcm)
        self._engine.decode(pcm)
        words = self._engine.words()
        self._text = " ".join(words)
        complete = silence > 0 and self._understands(words)
        self._turn.say(words, complete=complete, continuing=self._engine.grammar.may_continue(words))

    def _forget(self) -> None:
        """Start afresh: what was heard was nothing."""
        self._engine.stop()
        self._decoding = False
        self._text = ""

    def _result(self) -> str:
        """Return the sentence that was said, "" where it was none."""
        if self._turn.begun and not self._decoding:
            self._start()
        if not self._decoding:
            return ""
        self._engine.stop()
        self._decoding = False
        self._audio.clear()
        words = self._engine.words()
        too_long = self._decoded > self._turn.pauses.longest * _BYTES_A_SECOND
        return " ".join(words) if not too_long and self._understands(words) else ""

    def _understands(self, words: Sequence[str]) -> bool:
        return self._turn.spoken >= self._turn.pauses.shortest and self._engine.understands(words)


# ---------------------------------------------------------------------------------------------- scores


@dataclass(frozen=True, slots=True)
class _Span:
    """A word, or a phoneme, and where it is."""

    word: str
    first: int
    last: int
    score: float
    """Acoustic, in pocketsphinx' unit; 0 is the best senone in every frame."""

    @property
    def frames(self) -> int:
        """Length, in 10 ms."""
        return self.last - self.first + 1


class _Noise:
    """A noise floor under an utterance that has none; the same for the same utterance."""

    def __init__(self, pcm: bytes, speech: bytes) -> None:
        """Take the floor from `pcm`, the first of the utterance, and its level from the `speech` in it."""
        quiet = float(np.quantile(_rms(pcm, _FRAME_SAMPLES), _QUIET, method="lower"))
        level = _NOISE * float(_rms(speech, len(speech) // 2)[0])
        self._level = math.sqrt(max(level**2 - quiet**2, 0.0))
        self._random = np.random.default_rng(0)

    def under(self, pcm: bytes) -> bytes:
        """Return `pcm` with the noise."""
        if not self._level:
            return pcm
        samples = np.frombuffer(pcm, "<i2")
        noise = self._random.normal(0.0, self._level, samples.size)
        return np.clip(np.round(samples + noise), -32768, 32767).astype("<i2").tobytes()


def _rms(pcm: bytes, samples: int) -> npt.NDArray[np.float64]:
    """Return the root mean square of each piece of `samples`."""
    whole = np.frombuffer(pcm, "<i2")[: len(pcm) // 2 // samples * samples].astype(np.float64)
    power: npt.NDArray[np.float64] = np.mean(whole.reshape(-1, samples) ** 2, axis=1)
    return np.sqrt(power)


class _Scores:
    """Acoustic scores by frame, those of a span spread evenly over its frames."""

    def __init__(self, spans: Sequence[_Span]) -> None:
        each = [span.score / span.frames for span in spans for _ in range(span.frames)]
        self._sums = list(accumulate(each, initial=0.0))

    def of(self, span: _Span) -> float:
        """Return the score of the frames of another `span`."""
        last = len(self._sums) - 1
        return self._sums[min(span.last + 1, last)] - self._sums[min(span.first, last)]


def _spans(decoder: Decoder) -> list[_Span]:
    unit = math.log(1.0001)
    return [
        _Span(one.word, one.start_frame, one.end_frame, math.log(max(one.ascore, 1e-300)) / unit)
        for one in decoder.seg() or ()
    ]


def open_recognizer(folder: str, language: str = "en") -> SphinxRecognizer:
    """Load the engine, for a worker process to be told by name."""
    return SphinxRecognizer(Path(folder), language)
