"""Speech by Kokoro (https://huggingface.co/hexgrad/Kokoro-82M, Apache-2.0) through kokoro-onnx and onnxruntime.

espeak-ng reads the text out in phonemes, one call at a time, and crashes on some texts: so the engine runs in a worker
process. The network's work leaves the interpreter free: what is remembered need not wait for what is being made.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.engine import BadInput, EngineError, EngineUnavailable, Speaker, Speech, Synthesizer, Voice
from models.kokoro.ipa import Ipa
from models.kokoro.network import Network, Stop
from models.kokoro.phrases import Phrases

RATE = 24_000

LANGUAGES = {
    "a": ("en-US", "American English"),
    "b": ("en-GB", "British English"),
    "e": ("es", "Spanish"),
    "f": ("fr-FR", "French"),
    "h": ("hi", "Hindi"),
    "i": ("it", "Italian"),
    "j": ("ja", "Japanese, written in kana"),
    "p": ("pt-BR", "Brazilian Portuguese"),
    "z": ("zh", "Chinese"),
}
"""By the first letter of a voice's name: BCP 47, and in words. espeak-ng cannot read kanji aloud."""

BEST = ("af_heart", "bf_emma", "ef_dora", "ff_siwis", "hf_alpha", "if_sara", "jf_alpha", "pf_dora", "zf_xiaobei")
"""Of each language, the voice that Kokoro's VOICES.md grades best, or names first. The first is the default."""

_READ_AS = {"zh": "cmn"}
"""What espeak-ng calls a language."""

_PAUSES = {**dict.fromkeys(".!?…", 0.25), **dict.fromkeys(",;:—", 0.1)}
"""Seconds after a piece that ends so, as in kokoro_onnx; the silence that the model itself makes there is cut."""

_SHORTEST = 10
"""Letters. Kokoro says a lone word hastily, and its silence before and after costs as much as the word."""

_WARM = "This is how I speak."


class KokoroSynthesizer(Synthesizer):
    """The engine; loading and warming it takes some seconds."""

    concurrent = True

    def __init__(self, network: Network, *, voice: str | None, language: str | None, speed: float) -> None:
        """`voice`, or the best one for `language`, becomes the default voice. Raises `BadInput` for any unknown."""
        if not 0.5 <= speed <= 2.0:
            raise BadInput(f"speed is {speed}; it must be 0.5 to 2.0")
        self._network = network
        self._ipa = Ipa()
        self._speed = speed
        self.name, self.version, self.rate, self.shortest = "kokoro", network.version, RATE, _SHORTEST
        self.voices = [_voice(name) for name in network.voices if name[:1] in LANGUAGES]
        if not self.voices:
            raise EngineError(f"none of the voices is one of Kokoro v1.0, such as {BEST[0]}")
        self.default_voice = _best(self.voices).name
        self.default_voice = self._choose(voice, language).name
        self.phrases: Phrases | None = None
        self.factor = self._warm()

    def open(self, *, voice: str | None = None, language: str | None = None) -> KokoroSpeaker:
        """Return a voice to speak with."""
        return KokoroSpeaker(self, self._choose(voice, language))

    def make(self, text: str, voice: Voice, stop: Stop) -> bytes:
        """Return `text` spoken."""
        phonemes = self._ipa.read(text, _READ_AS.get(voice.languages[0], voice.languages[0]))
        sound = self._network.speak(phonemes, voice.name, self._speed, stop)
        if not sound.size:
            return b""
        pause = np.zeros(round(RATE * _PAUSES.get(phonemes[-1], 0.0) / self._speed), "<i2")
        return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes() + pause.tobytes()

    def _warm(self) -> float:
        """Return the seconds of work for a second of sound; the first sound takes longer than later ones."""
        speaker = self.open()
        speaker.speak(_WARM)
        began = time.perf_counter()
        pcm = speaker.speak(_WARM).pcm
        return (time.perf_counter() - began) * 2 * RATE / max(1, len(pcm))

    def _choose(self, name: str | None, language: str | None) -> Voice:
        if name is not None:
            for voice in self.voices:
                if voice.name == name.lower():
                    return voice
            raise BadInput(f"there is no voice {name!r}; give one of {', '.join(voice.name for voice in self.voices)}")
        code = (language or "").lower().replace("_", "-")
        while code:
            speaking = [voice for voice in self.voices if code in map(str.lower, voice.languages)]
            if speaking:
                return next((voice for voice in speaking if voice.name == self.default_voice), _best(speaking))
            code = code.rpartition("-")[0]
        if language:
            spoken = ", ".join(sorted({voice.languages[0] for voice in self.voices}))
            raise BadInput(f"no voice speaks {language!r}; the voices here speak {spoken}")
        return next(voice for voice in self.voices if voice.name == self.default_voice)


class KokoroSpeaker(Speaker):
    """One voice."""

    def __init__(self, engine: KokoroSynthesizer, voice: Voice) -> None:
        self._engine = engine
        self._voice = voice
        self._stop = Stop()

    def speak(self, text: str) -> Speech:
        """Return `text` spoken."""
        text = " ".join(text.split())
        phrases = self._engine.phrases
        if phrases is not None and (kept := phrases.get(text, self._voice.name)) is not None:
            return Speech(kept, remembered=True)
        pcm = self._engine.make(text, self._voice, self._stop)
        if phrases is not None:
            phrases.put(text, self._voice.name, pcm)
        return Speech(pcm)

    def cancel(self) -> None:
        """End what is being made, from any thread: `speak` raises `EngineError`."""
        self._stop.set()


def open_kokoro(
    model: str,
    voices: str | None = None,
    *,
    voice: str | None = None,
    language: str | None = None,
    speed: float = 1.0,
    phrases: str | None = None,
    phrases_bytes: int = 0,
) -> KokoroSynthesizer:
    """Load the engine, for a worker process to be told by name.

    `model` is an ONNX file, or a folder with one; `voices` is the file of its voices, else the one beside it. What is
    said often is kept in the folder `phrases`, of `phrases_bytes` at most. Raises `EngineUnavailable` where a package
    or file is missing, `EngineError` for files that are not Kokoro's, and `BadInput` for an unknown voice or language,
    or a speed out of 0.5 to 2.
    """
    model_file, voices_file = _files(Path(model), Path(voices) if voices else None)
    network = Network(model_file, voices_file)
    engine = KokoroSynthesizer(network, voice=voice, language=language, speed=speed)
    if phrases is not None:
        depends_on = " ".join(map(str, (network.version, speed, *_stamp(model_file), *_stamp(voices_file))))
        engine.phrases = Phrases(Path(phrases), phrases_bytes, depends_on)
    return engine


def _files(model: Path, voices: Path | None) -> tuple[Path, Path]:
    if model.is_dir():
        found = sorted(model.glob("*.onnx"))
        if len(found) != 1:
            raise EngineUnavailable(f"{model} has {len(found)} files *.onnx; give the path of one")
        model = found[0]
    if voices is None:
        beside = sorted(model.parent.glob("voices*.bin"))
        if not beside:
            raise EngineUnavailable(f"there is no voices*.bin beside {model}; give the file of voices with --voices")
        voices = beside[-1]
    for path in (model, voices):
        if not path.is_file():
            raise EngineUnavailable(f"there is no file {path}")
    return model, voices


def _stamp(path: Path) -> tuple[str, int, int]:
    """What tells one version of a file from another."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def _voice(name: str) -> Voice:
    code, language = LANGUAGES[name[0]]
    kind = {"f": "a woman's voice", "m": "a man's voice"}.get(name[1:2], "a voice")
    given = name.partition("_")[2].title() or name
    return Voice(name, f"{given}, {kind}, {language}", list(dict.fromkeys((code, code.partition("-")[0]))))


def _best(voices: Sequence[Voice]) -> Voice:
    return next((voice for name in BEST for voice in voices if voice.name == name), voices[0])
