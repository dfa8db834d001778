"""The neural recognizer: Whisper, through faster-whisper and CTranslate2.

Its streams (`models.whisper.stream`) give it what was spoken, and no more of its window is worked out than that takes
(`models.whisper.window`, `models.whisper.reader`). CTranslate2 releases the interpreter's lock: one process serves many
streams, each called in a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.engine import SAMPLE_RATE, BadInput, EngineError, EngineUnavailable, Recognizer
from models.sentences.house import House, load_house
from models.sentences.library import Sentences, load_sentences
from models.silero import SileroVoiceActivity
from models.whisper.hints import hints, takes_hints
from models.whisper.reader import BEAMS, Reader, Sound
from models.whisper.stream import WhisperStream
from models.whisper.weights import load, package_version

_LOGGER = logging.getLogger(__name__)

CONTEXTS = ("auto", "full")

_ALSO_CALLED = {"nb": "no", "fil": "tl", "jv": "jw", "iw": "he"}
"""Codes of today for languages that Whisper knows by another one."""


class WhisperRecognizer(Recognizer):
    """The engine; its streams share one model.

    Raises `EngineUnavailable` and `EngineError` as `models.whisper.weights.load` does, `EngineError` for an option that
    there is not.
    """

    concurrent = True

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        language: str = "en",
        device: str = "auto",
        compute_type: str = "auto",
        context: str = "auto",
        beams: int = BEAMS,
        words: Sequence[str] = (),
        sentences: Sentences | None = None,
        partials: bool = False,
    ) -> None:
        """`language` is that of streams that name none, "auto" to find out that of each utterance.

        `context` "full" always uses Whisper's whole window. `words` are names of the house; after one of its
        `sentences`, a turn ends sooner. With `partials`, hearings tell what is `certain` already.
        """
        if context not in CONTEXTS:
            raise EngineError(f"no context '{context}': there are {', '.join(CONTEXTS)}")
        model = load(folder, device=device, compute_type=compute_type)
        self.reader = Reader(model, full=context == "full", beams=beams)
        self.name = name or folder.name
        self.version = package_version()
        known = self.reader.languages
        self.languages = [*known, *(code for code, whisper in _ALSO_CALLED.items() if whisper in known)]
        self.activity = SileroVoiceActivity()
        self._partials = partials
        self._takes_hints = takes_hints(f"{self.name} {folder.name}")
        self._words = list(words)
        self._sentences = sentences
        self._sentences_lock = threading.Lock()
        self._language = None if language == "auto" else self._known(language)
        self._warm()

    def open(
        self,
        *,
        find_end: bool = True,
        language: str | None = None,
        names: Sequence[str] = (),
        terms: Sequence[str] = (),
    ) -> WhisperStream:
        """Return a stream for one utterance; see `Recognizer.open`."""
        spoken = self._language if language is None else None if language == "auto" else self._known(language)
        return WhisperStream(
            self.reader.read,
            self.activity.open(),
            find_end=find_end,
            language=spoken,
            hints=self._hints(names, terms),
            understands=self._understands if self._sentences and spoken == self._sentences.language else None,
            partials=self._partials,
        )

    def _hints(self, names: Sequence[str], terms: Sequence[str]) -> str:
        return hints(names, terms, self._words, tokens=self.reader.tokens) if self._takes_hints else ""

    def _understands(self, text: str) -> bool:
        """Return whether `text` is a sentence of the house; some ms under the interpreter's lock."""
        with self._sentences_lock:
            return self._sentences is not None and self._sentences.recognize(text) is not None

    def _known(self, language: str) -> str:
        """Return Whisper's code for a language such as "en-US"; raise `BadInput` where it does not know it."""
        code = language.replace("_", "-").partition("-")[0].lower()
        if code not in self.languages:
            known = ", ".join(self.languages) if len(self.languages) < 10 else f"{len(self.languages)} others"
            raise BadInput(f"{self.name} does not know the language {language!r:.40}: it knows {known}")
        return _ALSO_CALLED.get(code, code)

    def _warm(self) -> None:
        """Do once what the first utterance would pay for."""
        noise = np.random.default_rng(0).integers(-3000, 3000, SAMPLE_RATE, dtype=np.int16)
        if self._sentences is not None:
            self._sentences.warm()
        self.reader.warm(Sound(noise.tobytes(), spoken=1.0, language=self._language))


def open_whisper(
    model: str,
    *,
    name: str = "",
    language: str = "",
    device: str = "auto",
    compute_type: str = "auto",
    context: str = "auto",
    beams: int = BEAMS,
    house: House | None = None,
    custom_sentences: Sequence[Path] = (),
    partials: bool = False,
) -> WhisperRecognizer:
    """Load the engine from the folder `model`, for a worker process to be told by name; see `WhisperRecognizer`.

    `language` is that of `house` (the shipped one) where none is given. Its sentences are used where the packages that
    understand them are installed. Raises `EngineError`.
    """
    house = house or load_house()
    try:
        sentences = load_sentences(house, custom_sentences)
    except EngineUnavailable as error:
        _LOGGER.info("turns end after 0.7 s of silence, and no sooner after a sentence of the house: %s", error)
        sentences = None
    return WhisperRecognizer(
        Path(model).expanduser(),
        name=name,
        language=language or house.language,
        device=device,
        compute_type=compute_type,
        context=context,
        beams=beams,
        words=_words(house),
        sentences=sentences,
        partials=partials,
    )


def _words(house: House) -> list[str]:
    """Return what things and places are called in `house`."""
    things = [word for thing in house.names for word in (thing.name, *thing.aliases)]
    rooms = [word for area in house.areas for word in (area.name, *area.aliases)]
    return things + rooms + [word for floor in house.floors for word in (floor.name, *floor.aliases)]
