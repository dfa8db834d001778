"""From sound to text by Whisper: a window as short as the speech, and what to do when that goes wrong.

The first attempt is made on what was spoken and a margin (`models.whisper.window`), taking the likeliest word each
time; where Whisper is not sure of those, several texts are followed at once. Where the result can hardly be what was
said (`models.whisper.guard`), the same is done on the full window of 30 s, and then, as in OpenAI's program, further
attempts are made at rising temperatures; the likeliest is taken where none is good.
"""

from __future__ import annotations

import logging
import math
import platform
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.engine import SAMPLE_RATE, EngineError
from models.whisper.guard import Attempt, settled
from models.whisper.inventions import is_invention, without_annotations
from models.whisper.run import Stop, Stopped
from models.whisper.window import FULL, features, frames_for

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

_LOGGER = logging.getLogger(__name__)

_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""After 0: OpenAI's."""

_CANDIDATES = 5
"""Texts of which the likeliest is taken, where a temperature makes each another one: OpenAI's."""

BEAMS = 1 if platform.machine() in ("aarch64", "armv7l") else 5
"""Texts followed at once: OpenAI's; one on small boards, as in wyoming-faster-whisper. With tiny, following five takes
1.6 times as long as following one."""

_MOST_TOKENS = 224
"""Of one text: half of what the decoder holds, OpenAI's."""

_TOKENS_A_SECOND, _MORE_TOKENS = 30, 16
"""Nobody says more. English has some 4 a second; scripts that Whisper spells byte by byte have most."""

_LONGEST_S = 10.0
"""Of work on one utterance, after which nothing further is tried."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is to be written down."""

    pcm: bytes
    """16 kHz mono s16, at most 30 s"""

    spoken: float
    """Seconds of speech in it"""

    language: str | None = None
    """Whisper's code, None where it is to be found out"""

    hints: str = ""
    """A text with words to expect"""


@dataclass(frozen=True, slots=True)
class Written:
    """What was said."""

    text: str
    """"" where nothing was"""

    language: str
    attempts: int = 1
    """That were made at it"""


class Reader:
    """Transcribes pieces of up to 30 s; several threads may use it at once."""

    def __init__(self, model: WhisperModel, *, full: bool = False, beams: int = BEAMS) -> None:
        """`full`: always on the full window."""
        self._model = model
        self._full = full
        self._beams = beams
        # As many as the model works on: others, who only would wait inside of it, would hold what they made ready.
        self._places = threading.Semaphore(model.model.num_workers)
        self._tokenizers: dict[str, tuple[Tokenizer, tuple[int, ...]]] = {}
        # faster-whisper tells of all languages that some Whisper knows; of these the model has a token.
        token = model.hf_tokenizer.token_to_id
        self.languages = [
            code for code in model.supported_languages if not model.model.is_multilingual or token(f"<|{code}|>")
        ]

    def tokens(self, text: str) -> list[int]:
        """Return `text` as the model's tokens."""
        tokens: list[int] = self._model.hf_tokenizer.encode(text, add_special_tokens=False).ids
        return tokens

    def read(self, sound: Sound, stop: Stop = lambda: False) -> Written:
        """Return what is said in `sound`.

        Raises `Stopped` soon after `stop` says so: an attempt is one call into the library, which cannot be broken off.
        Raises `EngineError` when the library fails, for example when a GPU has no memory left.
        """
        try:
            attempts = self._settle(sound, stop)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper failed: {str(error).partition(chr(10))[0]}") from error
        text = ""
        attempt = settled(attempts)
        if attempt is not None and not is_invention(attempt, sound.spoken, sound.hints):
            text = without_annotations(attempt.text)
        return Written(text, attempts[-1].language, len(attempts))

    def _settle(self, sound: Sound, stop: Stop) -> list[Attempt]:
        """Return the attempts up to one that is good, or until they have taken too long."""
        began = time.monotonic()
        attempts: list[Attempt] = []
        coming = self._attempts(sound, stop)
        while (attempt := self._next(coming)) is not None:
            attempts.append(attempt)
            if attempt.is_sure or attempt.is_silence:
                break
            _LOGGER.debug("attempt %d is not sure: %s", len(attempts), attempt.doubt() or attempt.log_probability)
            if time.monotonic() - began > _LONGEST_S:
                break
        return attempts

    def _next(self, coming: Iterator[Attempt]) -> Attempt | None:
        with self._places:
            return next(coming, None)

    def warm(self, sound: Sound) -> None:
        """Do once what the first utterance would pay for."""
        next(self._attempts(sound, lambda: False))

    def _attempts(self, sound: Sound, stop: Stop) -> Iterator[Attempt]:
        samples = np.frombuffer(sound.pcm, "<i2").astype(np.float32) / np.float32(32768)
        seconds = samples.size / SAMPLE_RATE
        windows = [FULL] if self._full else sorted({frames_for(seconds), FULL})
        language = sound.language or ""
        for frames in windows:
            _go_on(stop)
            heard = features(samples, frames, self._model.feature_extractor)
            _go_on(stop)
            encoded = self._model.encode(heard)
            language = language or self._language(encoded)
            for beams in sorted({1, self._beams}):
                _go_on(stop)
                attempt = self._write(encoded, language, sound.hints, seconds, beam_size=beams)
                yield attempt
                if attempt.doubt():
                    break
            else:
                return
        for temperature in _TEMPERATURES:
            _go_on(stop)
            attempt = self._write(
                encoded,
                language,
                sound.hints,
                seconds,
                beam_size=1,
                num_hypotheses=_CANDIDATES,
                sampling_topk=0,
                sampling_temperature=temperature,
            )
            yield attempt
            if not attempt.doubt():
                return

    def _language(self, encoded: Any) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        token: str = self._model.model.detect_language(encoded)[0][0][0]
        return token[2:-2]  # <|en|>

    def _write(self, encoded: Any, language: str, hints: str, seconds: float, **search: Any) -> Attempt:
        tokenizer, suppressed = self._tokenizer(language)
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True, hotwords=hints or None)
        most = min(_MOST_TOKENS, _MORE_TOKENS + math.ceil(_TOKENS_A_SECOND * seconds))
        # CTranslate2 writes at most half of `max_length`, and no more than the prompt leaves of it.
        length = max(2 * most, most + len(prompt))
        [result] = self._model.model.generate(
            encoded,
            [prompt],
            max_length=length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=suppressed,
            **search,
        )
        tokens: list[int] = result.sequences_ids[0]
        return Attempt(
            text=tokenizer.decode(tokens).strip(),
            tokens=tokens,
            ended=len(tokens) < most,
            # The score is a mean without the token that ends the text, though its chance is part of it.
            log_probability=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech=result.no_speech_prob,
            language=language,
        )

    def _tokenizer(self, language: str) -> tuple[Tokenizer, tuple[int, ...]]:
        """Return what spells a language, and the tokens that are no speech."""
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            tokenizer = Tokenizer(
                self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
            )
            self._tokenizers[language] = tokenizer, get_suppressed_tokens(tokenizer, [-1])
        return self._tokenizers[language]


def _go_on(stop: Stop) -> None:
    if stop():
        raise Stopped
