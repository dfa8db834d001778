"""Speech by espeak-ng (https://github.com/espeak-ng/espeak-ng), the library that the package espeakng-loader carries.

The library is one big global state: one synthesis at a time in a whole process; two at once crash it. Some texts crash
it as well (very long numbers, mixed scripts: found by random text in all its voices), so a server runs it in a process
of its own. It is quick, a second of sound in a millisecond, so a text is made in one go. Callers cut what they want
said into clauses (`models.clauses`): espeak-ng works clause by clause itself, so that changes no sound, and the first
one comes sooner.

espeak-ng is GPL-3.
"""

from __future__ import annotations

import ctypes
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.engine import BadInput, EngineError, EngineUnavailable, Speaker, Speech, Synthesizer, Voice

MAX_TEXT = 320
"""Characters in one call, twice the longest clause."""

MAX_SECONDS = 120
"""Of sound from one call, 5 MB: signs of a foreign script are read out by their names, which are long."""

DEFAULT_VOICE = "en-US"
"""American, like the recognizer's acoustic model, so that the house understands itself."""

WORDS_PER_MINUTE = 175
"""espeak-ng's own normal speed; it takes 80 to 450."""

FACTOR = 0.005
"""Of real time: a second of sound takes 4 ms on one core of a Sapphire Rapids server."""

# From espeak-ng's speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_BUFFER_MS = 60  # of sound per callback
_DONT_EXIT = 0x8000  # when the data is missing
_POSITION_CHARACTER = 1
_UTF8 = 0x1
_END_PAUSE = 0x1000  # the pause that belongs to the last mark, as if the text went on
_PARAMETER_RATE = 1
_IPA = 0x02

_LOCK = threading.Lock()


class EspeakSynthesizer(Synthesizer):
    """The engine; loading it takes about 10 ms.

    `voice` (or the best one for `language`) becomes the default voice; `speed` is a factor, 0.5 to 2. Raises
    `EngineUnavailable` when espeakng-loader is not installed or has no library for this machine, and `BadInput` for
    an unknown voice or language, or a speed out of range.
    """

    def __init__(self, *, voice: str | None = None, language: str | None = None, speed: float = 1.0) -> None:
        if not 0.5 <= speed <= 2.0:
            raise BadInput(f"speed is {speed}; it must be 0.5 to 2.0")
        self._words_per_minute = round(WORDS_PER_MINUTE * speed)
        with _LOCK:
            self._library = _library()
        self.name, self.version, self.rate = "espeak-ng", self._library.version, self._library.rate
        self.shortest, self.factor = 1, FACTOR
        self._found = {found.name: found for found in self._library.voices}
        self.voices = [Voice(found.name, found.description, found.languages) for found in self._library.voices]
        self.default_voice = DEFAULT_VOICE
        self.default_voice = self._choose(voice, language).name

    def open(self, *, voice: str | None = None, language: str | None = None) -> EspeakSpeaker:
        """Return a voice to speak with; for a language, the order of voices is espeak-ng's own."""
        chosen = self._choose(voice, language)
        return EspeakSpeaker(lambda text: self._speak(text, chosen))

    def phonemes(self, text: str, *, language: str) -> str:
        """Return `text` in the International Phonetic Alphabet, with signs of stress and without punctuation.

        `language` picks the voice as in `open`.
        """
        chosen = self._choose(None, language)
        with _LOCK:
            return self._library.phonemes(_plain(text), chosen)

    def _speak(self, text: str, voice: _Found) -> bytes:
        if len(text) > MAX_TEXT:
            raise BadInput(f"the text has {len(text)} characters; at most {MAX_TEXT} can be spoken in one piece")
        with _LOCK:
            return self._library.speak(_plain(text), voice, self._words_per_minute)

    def _choose(self, name: str | None, language: str | None) -> _Found:
        default = self._found[self.default_voice]
        if name is not None:
            for found in self._found.values():
                if found.name.lower() == name.lower():
                    return found
            raise BadInput(
                f"there is no voice {name!r}; give one of those that `describe` lists, such as {default.name}"
            )
        code = (language or "").lower().replace("_", "-")
        while code:
            speaking = [found for found in self._found.values() if code in found.order]
            if speaking:
                return default if default in speaking else min(speaking, key=lambda found: found.order[code])
            code = code.rpartition("-")[0]
        if language:
            raise BadInput(f"no voice speaks {language!r}; give a BCP 47 code such as en, en-GB or de")
        return default


class EspeakSpeaker(Speaker):
    """One voice."""

    def __init__(self, speak: Callable[[str], bytes]) -> None:
        self._speak = speak

    def speak(self, text: str) -> Speech:
        """Return `text` spoken; control characters count as spaces.

        Raises `BadInput` for text over `MAX_TEXT` characters or `MAX_SECONDS` of sound.
        """
        return Speech(self._speak(text))


def open_espeak(*, voice: str | None = None, language: str | None = None, speed: float = 1.0) -> EspeakSynthesizer:
    """Load the engine, for a worker process to be told by name."""
    return EspeakSynthesizer(voice=voice, language=language, speed=speed)


def _plain(text: str) -> str:
    """Text without what is no text: NUL would end it for C, and a lone surrogate has no UTF-8."""
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in text)


# ---------------------------------------------------------------------------------------------- the library


@dataclass(frozen=True)
class _Found:
    """A voice as the library lists it."""

    name: str
    identifier: bytes
    """Where its file is, which is how the library is asked for it."""

    description: str
    languages: list[str]
    order: dict[str, int]
    """By language code in lower case, how far from being its proper voice this one is."""


class _VoiceStruct(ctypes.Structure):
    """`espeak_VOICE`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class _Library:
    """The few calls of espeak-ng that are needed. To be used under `_LOCK`."""

    def __init__(self, library_path: str, data_path: str) -> None:
        try:
            self._dll = ctypes.CDLL(library_path)
        except OSError as error:
            raise EngineUnavailable(f"espeak-ng does not load on this machine: {error}") from error
        self.rate: int = self._dll.espeak_Initialize(_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data_path.encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise EngineUnavailable(f"espeak-ng cannot use its data in {data_path}; its path may have 150 characters")
        self._dll.espeak_Info.restype = ctypes.c_char_p
        self.version: str = self._dll.espeak_Info(None).decode()
        self._dll.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._dll.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceStruct))
        self.voices = sorted(self._list(Path(data_path)), key=lambda found: found.name.lower())
        self._settings: tuple[bytes, int] | None = None

    def speak(self, text: str, voice: _Found, words_per_minute: int) -> bytes:
        self._set(voice, words_per_minute)
        pcm = bytearray()
        limit = 2 * MAX_SECONDS * self.rate

        def take(samples: int | None, count: int, _events: int | None) -> int:
            if len(pcm) > limit:
                return 1
            if samples and count > 0:
                pcm.extend(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(take)
        self._dll.espeak_SetSynthCallback(callback)
        data = text.encode()
        size = ctypes.c_size_t(len(data) + 1)
        flags = _UTF8 | _END_PAUSE
        status = self._dll.espeak_Synth(data, size, 0, _POSITION_CHARACTER, 0, flags, None, None)
        if len(pcm) > limit:
            raise BadInput(f"the text takes more than {MAX_SECONDS} s to say in one piece; cut it into shorter ones")
        self._check(status, "cannot say the text")
        return bytes(pcm)

    def phonemes(self, text: str, voice: _Found) -> str:
        self._set(voice, WORDS_PER_MINUTE)
        data = ctypes.c_char_p(text.encode())
        clauses = []
        while data.value is not None:  # it goes to the end of the next clause each time
            clause = self._dll.espeak_TextToPhonemes(ctypes.byref(data), _UTF8, _IPA) or b""
            clauses.append(clause.decode("utf-8", "replace"))
        # Where it changes the language it says so: "(en)", "(fr)".
        return " ".join(re.sub(r"\([a-z]{2,3}(-[a-z]+)?\)", "", " ".join(clauses)).split())

    def _set(self, voice: _Found, words_per_minute: int) -> None:
        if self._settings != (voice.identifier, words_per_minute):  # Russian's words take 12 ms to load
            self._settings = None
            self._check(self._dll.espeak_SetVoiceByName(voice.identifier), f"does not know its voice {voice.name}")
            self._check(self._dll.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0), "refuses the speed")
            self._settings = (voice.identifier, words_per_minute)

    def _list(self, data: Path) -> Iterator[_Found]:
        structs = self._dll.espeak_ListVoices(None)
        for place in range(10_000):
            if not structs[place]:
                return
            struct = structs[place].contents
            if not _has_words(data / "lang" / struct.identifier.decode()):
                continue
            codes = _codes(struct.languages)
            yield _Found(
                name=struct.identifier.decode().rpartition("/")[2],
                identifier=struct.identifier,
                description=struct.name.decode().strip(),
                languages=[_bcp47(code) for code in sorted(codes, key=codes.__getitem__)],
                order=codes,
            )

    @staticmethod
    def _check(status: int, what: str) -> None:
        if status:
            raise EngineError(f"espeak-ng {what} (status {status})")


@cache
def _library() -> _Library:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EngineUnavailable(
            f"espeak-ng needs espeakng-loader ({error}): pip install 'wyoming-hearth[tts]'"
        ) from error
    try:
        return _Library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    except RuntimeError as error:
        raise EngineUnavailable(f"espeak-ng's data is missing: {error}; install espeakng-loader again") from error


def _has_words(voice_file: Path) -> bool:
    """Whether the package brings the dictionary that a voice reads with; three of its 141 voices lack theirs."""
    text = voice_file.read_text("utf-8", "replace")
    found = re.search(r"^\s*dictionary\s+(\S+)", text, re.M) or re.search(r"^\s*language\s+([^\s-]+)", text, re.M)
    return found is not None and any(folder.joinpath(f"{found[1]}_dict").exists() for folder in voice_file.parents[1:3])


def _codes(address: int) -> dict[str, int]:
    """Read the library's list of languages: a byte of priority (the least is the best), a name, and so on till 0."""
    codes = {}
    while (order := ctypes.c_ubyte.from_address(address).value) != 0:
        code = ctypes.string_at(address + 1)
        codes[code.decode().lower()] = order
        address += len(code) + 2
    return codes


def _bcp47(code: str) -> str:
    """Write a language code as BCP 47 does: en-US, cmn-Latn-pinyin, vi-VN-x-central."""
    language, *rest = code.split("-")
    parts = [language.lower()]
    for part in rest:
        if "x" in parts or not part.isalpha():
            parts.append(part.lower())
        else:
            parts.append({2: part.upper(), 4: part.title()}.get(len(part), part.lower()))
    return "-".join(parts)
