"""The six engines of a house, as narrow interfaces: arrays and text in, arrays and text out.

Each job has an embedded engine, which works from what pip installs, and later a neural one. A server knows only these
interfaces. Nothing here is asynchronous: servers run engines in bounded threads, or in processes of their own where
the library holds the interpreter's lock.

Errors, all of them with a message that says what was wrong and what would be right::

    EngineError
    ├── EngineUnavailable   a package or file that the engine needs is missing
    └── BadInput            this one request cannot be served: the text, picture or option is wrong
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from models.sentences.house import Name

SAMPLE_RATE = 16_000
"""Hertz. What every ear hears: 16 kHz, 16-bit signed little-endian, mono."""


class EngineError(Exception):
    """Base of everything an engine raises on purpose."""


class EngineUnavailable(EngineError):
    """A package or file that the engine needs is missing; the message says how to get it."""


class BadInput(EngineError):
    """This request cannot be served; the engine is well and takes the next one."""


# ---------------------------------------------------------------------------------------------- voice activity


class VoiceActivityStream(ABC):
    """The state of one listener; streams do not disturb each other."""

    window_samples: int
    """Samples per probability."""

    @abstractmethod
    def feed(self, pcm: bytes) -> list[float]:
        """Return the probability of speech, 0 to 1, of each window that `pcm` completes (what is left over is kept).

        `pcm` is 16 kHz mono s16, any whole number of samples.
        """


class VoiceActivityListener(VoiceActivityStream):
    """One of many listeners whose windows an engine may judge together."""

    @abstractmethod
    def place(self) -> tuple[int, int]:
        """Return the id of the process that it is in, and its slot there."""

    @abstractmethod
    def hear(self, heard: Sequence[tuple[int, bytes]]) -> list[list[float]]:
        """Feed whole windows to listeners of this process, each named by its slot; return what `feed` would."""


class VoiceActivity(ABC):
    """Tells speech from everything else."""

    name: str
    version: str

    @abstractmethod
    def open(self) -> VoiceActivityStream:
        """Return a new listener."""


# ---------------------------------------------------------------------------------------------- wake words


@dataclass(frozen=True, slots=True)
class WakeWord:
    """A word or two by which a house is called."""

    name: str
    """By which it is chosen, for example okay_nabu."""

    phrase: str
    """What is said, for example "Okay Nabu"."""

    languages: list[str]
    """BCP 47 codes of the speakers it was made for."""

    version: str
    author: str
    website: str


@dataclass(frozen=True, slots=True)
class WakeWordHeard:
    """A wake word was said."""

    name: str
    """Of the `WakeWord`."""

    samples: int
    """Samples of the stream up to where it was known. The word itself ends about there: see the engine."""


class WakeWordStream(ABC):
    """The state of one listener; streams do not disturb each other."""

    @abstractmethod
    def feed(self, pcm: bytes) -> list[WakeWordHeard]:
        """Hear more (16 kHz mono s16, any whole number of samples) and return the words that were said, in order."""


class WakeWords(ABC):
    """Notices when the house is called."""

    name: str
    version: str
    words: list[WakeWord]

    @abstractmethod
    def open(
        self, *, names: Sequence[str] | None = None, threshold: float | None = None, refractory_s: float = 2.0
    ) -> WakeWordStream:
        """Return a listener for the words of those `names`, all words for None or none.

        `threshold`, 0 to 1, is how sure it must be, None for each word's own. For `refractory_s` seconds after a word
        was heard it is not heard again. Raises `BadInput` for a name that it does not know, and for figures that cannot
        be.
        """


# ---------------------------------------------------------------------------------------------- recognizer


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a recognizer has made of the audio so far."""

    text: str
    """Words so far; may still change until `ended`."""

    ended: bool = False
    """True once, when the speaker has finished: `text` is final, and "" when it was none of what can be understood."""

    certain: str = ""
    """Words with which the final text will hardly fail to begin, from engines that were asked to tell; only grows."""


class RecognizerStream(ABC):
    """One utterance."""

    @abstractmethod
    def feed(self, pcm: bytes) -> Hearing:
        """Hear more (16 kHz mono s16). After an `ended` hearing, further audio is ignored."""

    @abstractmethod
    def finish(self) -> str:
        """Return the final text: the client says that the audio is over."""

    @abstractmethod
    def language(self) -> str | None:
        """Return the language of the text, None as long as nobody knows."""


class Recognizer(ABC):
    """Writes down what was said."""

    name: str
    version: str
    languages: list[str]

    @abstractmethod
    def open(
        self,
        *,
        find_end: bool = True,
        language: str | None = None,
        names: Sequence[str] = (),
        terms: Sequence[str] = (),
    ) -> RecognizerStream:
        """Return a stream for one utterance.

        `find_end`: the stream says itself when the speaker has finished. `language` is one of `languages`, None for the
        engine's own. `names`, and then `terms`, are words to expect; engines that cannot use them pass them over.
        Raises `BadInput` for a language that the engine does not know.
        """


# ---------------------------------------------------------------------------------------------- responder


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants, in Home Assistant's terms."""

    name: str
    """For example HassTurnOn."""

    slots: Mapping[str, Any] = field(default_factory=dict)
    """Values by slot, for example {"area": "office", "domain": "light"}."""

    response: str = field(default="", compare=False)
    """What to say when it has been done, perhaps a template (Jinja) with `slots`, `state` and `query`, as in Home
    Assistant; "" where nobody wrote one."""

    here: bool = field(default=False, compare=False)
    """True where no area was named, and the one is meant in which it was said."""

    things: tuple[Name, ...] = field(default=(), compare=False)
    """What in the house the slot `name` may stand for: things of one name in several rooms, or whose names sound alike.
    Empty where nobody looked."""

    written: str = field(default="", compare=False)
    """What a language model wrote that wants this, to be kept in the `Exchange`; "" where none did."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One thing said to the house, and what the house answered."""

    text: str
    answer: str
    facts: str = ""
    """What was told with `text` of the moment: the time, what the camera saw. It stays with it, so that a conversation
    only ever grows at its end."""

    written: str = ""
    """What a language model wrote that wanted something done (`Intent.written`), if that is how the answer came about.
    It stays with it too."""

    @property
    def answered(self) -> str:
        """What was answered, with what was written before it."""
        return f"{self.written}\n{self.answer}" if self.written else self.answer

    @property
    def told(self) -> str:
        """What was said, with the facts before it."""
        return f"[{self.facts}]\n{self.text}" if self.facts else self.text


class Answering(ABC):
    """One answer, made as it is asked for: what nobody asks for any more is not made."""

    @abstractmethod
    def more(self) -> Intent | str | None:
        """Return what comes next: one `Intent` for a skill to carry out, or a piece of text; None at the end.

        An answer without anything means: not understood.
        """


class Responder(ABC):
    """Decides what to answer."""

    name: str
    version: str
    languages: list[str]

    @abstractmethod
    def open(
        self,
        *,
        text: str,
        history: Sequence[Exchange],
        conversation: str = "",
        facts: str = "",
        unfinished: bool = False,
    ) -> Answering:
        """Return the answer to `text`; `history` is the conversation so far, oldest first.

        `conversation` is its id, for engines that keep something of each; `facts` tell of the moment. While a text is
        still `unfinished`, or not even begun (""), nothing is answered, but what can be done already is done.
        """


# ---------------------------------------------------------------------------------------------- synthesizer


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice to choose by `name`."""

    name: str
    description: str
    languages: list[str]
    """BCP 47 codes, the voice's own language first."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of text, spoken."""

    pcm: bytes
    """16-bit signed little-endian, mono, at the synthesizer's `rate`; with the pause that belongs to its last mark."""

    remembered: bool = False
    """True where it was not made now, so that its time says nothing of the next one's."""


class Speaker(ABC):
    """One voice."""

    @abstractmethod
    def speak(self, text: str) -> Speech:
        """Return `text` spoken, silence where there is nothing to say; raises `BadInput` for what cannot be."""


class Synthesizer(ABC):
    """Speaks."""

    name: str
    version: str
    voices: list[Voice]
    default_voice: str
    rate: int
    """Hertz."""

    shortest: int
    """Letters; of a text that comes in pieces, one with fewer is put together with the next."""

    factor: float
    """Seconds of work for a second of sound, as measured when it was loaded; below 1 it keeps ahead of who listens."""

    @abstractmethod
    def open(self, *, voice: str | None = None, language: str | None = None) -> Speaker:
        """Return a voice to speak with.

        `voice` is one of `voices`' names, in any case, and goes before `language`, a BCP 47 code, which picks the
        default voice if it speaks it, else the best one that does; "de-AT" falls back to "de". Raises `BadInput` for an
        unknown voice or language.
        """


# ---------------------------------------------------------------------------------------------- classifier


@dataclass(frozen=True, slots=True)
class Box:
    """Where something is: left edge, top edge, width and height, each 0 to 1 of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """Something seen."""

    name: str
    index: int
    """Its place among the model's labels."""

    score: float
    """0 to 1."""

    box: Box | None = None


class Classifier(ABC):
    """Tells what a picture shows.

    In two steps, so that one picture can be made ready while another one is looked at, and large pictures need not be
    held for a whole batch.
    """

    name: str
    version: str
    description: str
    labels: list[str]
    batch: int
    """How many pictures are best looked at together."""

    enough: int
    """Pixels: a picture whose longer side is decoded larger gains nothing."""

    @abstractmethod
    def prepare(self, picture: npt.NDArray[np.uint8]) -> Any:
        """Make a picture ready: height x width x 3, blue, green, red, 0 to 255."""

    @abstractmethod
    def see(self, prepared: Sequence[Any]) -> list[list[Label]]:
        """Return the labels of each picture that `prepare` made ready, best first."""

    def classify(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[list[Label]]:
        """Return the labels of each picture, best first."""
        return self.see([self.prepare(picture) for picture in pictures])
