# ruff: noqa: RUF001 - phonemes
from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from models.engine import BadInput, EngineError, EngineUnavailable
from models.kokoro.network import Network, Stop
from models.kokoro.phrases import Phrases
from models.kokoro.synthesizer import BEST, RATE, KokoroSynthesizer, open_kokoro

VOICES = ["af_bella", "af_heart", "am_michael", "bf_emma", "ef_dora", "jf_alpha", "zf_xiaobei"]

NEEDS = "needs kokoro-onnx: script/setup --neural"


class Tones:
    """In place of the network: a tone, as long as the phonemes are many."""

    version = "1"

    def __init__(self, voices: list[str]) -> None:
        self.voices = voices
        self.said: list[tuple[str, str, float]] = []

    def speak(self, phonemes: str, voice: str, speed: float, stop: Stop) -> npt.NDArray[np.float32]:
        self.said.append((phonemes, voice, speed))
        if not any(map(str.isalpha, phonemes)):
            return np.zeros(0, np.float32)
        return np.sin(np.arange(1000 * len(phonemes)) / 10, dtype=np.float32)


@pytest.fixture
def tones(monkeypatch: pytest.MonkeyPatch) -> Tones:
    monkeypatch.setattr("models.kokoro.synthesizer.Stop", lambda: SimpleNamespace(set=lambda: None))
    return Tones(VOICES)


def engine(
    tones: Tones, *, voice: str | None = None, language: str | None = None, speed: float = 1.0
) -> KokoroSynthesizer:
    return KokoroSynthesizer(cast("Network", tones), voice=voice, language=language, speed=speed)


def test_voices_and_their_languages(tones: Tones) -> None:
    kokoro = engine(tones)
    assert [voice.name for voice in kokoro.voices] == VOICES
    assert kokoro.default_voice == "af_heart"
    languages = {voice.name: voice.languages for voice in kokoro.voices}
    assert languages["af_heart"] == ["en-US", "en"]
    assert languages["bf_emma"] == ["en-GB", "en"]
    assert languages["ef_dora"] == ["es"]
    assert languages["zf_xiaobei"] == ["zh"]
    assert kokoro.voices[2].description == "Michael, a man's voice, American English"
    assert 0 < kokoro.factor < 1


@pytest.mark.parametrize(
    ("voice", "language", "chosen"),
    [
        (None, None, "af_heart"),
        ("AM_Michael", None, "am_michael"),
        ("af_bella", "es", "af_bella"),
        (None, "en", "af_heart"),
        (None, "en-GB", "bf_emma"),
        (None, "en_gb", "bf_emma"),
        (None, "en-AU", "af_heart"),
        (None, "es-MX", "ef_dora"),
        (None, "zh-CN", "zf_xiaobei"),
    ],
)
def test_which_voice_speaks(tones: Tones, voice: str | None, language: str | None, chosen: str) -> None:
    engine(tones).open(voice=voice, language=language).speak("Hello there.")
    assert tones.said[-1][1] == chosen
    assert engine(tones, voice=voice, language=language).default_voice == chosen


def test_a_default_voice_speaks_its_language(tones: Tones) -> None:
    engine(tones, voice="am_michael").open(language="en-US").speak("Hello there.")
    assert tones.said[-1][1] == "am_michael"
    assert engine(Tones(["bm_george", "bf_isabella"])).default_voice == "bm_george"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"speed": 0.4}, "speed is 0.4; it must be 0.5 to 2.0"),
        ({"speed": float("nan")}, "speed is nan"),
        ({"voice": "nobody"}, "there is no voice 'nobody'; give one of af_bella, af_heart,"),
        ({"language": "de"}, "no voice speaks 'de'; the voices here speak en-GB, en-US, es, ja, zh"),
    ],
)
def test_what_it_cannot_be(tones: Tones, options: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        engine(tones, **options)


def test_voices_of_something_else(tones: Tones) -> None:
    with pytest.raises(EngineError, match=f"such as {BEST[0]}"):
        engine(Tones(["xx_someone"]))


def test_it_reads_phonemes_in_the_voices_language(tones: Tones) -> None:
    kokoro = engine(tones, speed=1.5)
    kokoro.open(voice="bf_emma").speak("The office.")
    kokoro.open(voice="ef_dora").speak("¡Hola!")
    assert tones.said[-2:] == [("ðɪ ˈɒfɪs.", "bf_emma", 1.5), ("¡ˈola!", "ef_dora", 1.5)]


def test_the_pause_belongs_to_the_mark(tones: Tones) -> None:
    speaker = engine(tones).open()
    lengths = [len(speaker.speak(text).pcm) / 2 - 1000 * len(tones.said[-1][0]) for text in ("so", "so,", "so.", "so?")]
    assert lengths == [0, 0.1 * RATE, 0.25 * RATE, 0.25 * RATE]


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "\n"])
def test_where_there_is_nothing_to_say_it_is_silent(tones: Tones, text: str) -> None:
    assert engine(tones).open().speak(text).pcm == b""


def test_what_is_said_often_is_remembered(tones: Tones, tmp_path: Path) -> None:
    kokoro = engine(tones)
    kokoro.phrases = Phrases(tmp_path, 10**6, "test")
    made = len(tones.said)
    speaker = kokoro.open()
    first = speaker.speak("It is on.")
    again = speaker.speak(" It  is on. ")
    assert (first.remembered, again.remembered) == (False, True)
    assert first.pcm == again.pcm
    assert len(tones.said) == made + 1
    assert not kokoro.open(voice="bf_emma").speak("It is on.").remembered


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"has 0 files \*\.onnx"):
        open_kokoro(str(tmp_path))
    (tmp_path / "kokoro.onnx").write_bytes(b"x")
    with pytest.raises(EngineUnavailable, match=r"no voices\*\.bin beside .*kokoro\.onnx; .*--voices"):
        open_kokoro(str(tmp_path))
    with pytest.raises(EngineUnavailable, match="there is no file /nowhere"):
        open_kokoro(str(tmp_path), "/nowhere")
    with pytest.raises(EngineUnavailable, match="there is no file"):
        open_kokoro(str(tmp_path / "other.onnx"), str(tmp_path / "kokoro.onnx"))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kokoro_onnx", None)
    for name in ("kokoro.onnx", "voices-v1.0.bin"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[kokoro\]'"):
        open_kokoro(str(tmp_path))


def test_models_of_another_kind(tmp_path: Path, shared: Path) -> None:
    pytest.importorskip("kokoro_onnx", reason=NEEDS)
    voices = str(shared / "models/kokoro/voices-7.bin")
    (tmp_path / "kokoro.onnx").write_bytes(b"x" * 1000)
    with pytest.raises(EngineError, match=r"kokoro\.onnx is no ONNX model that can be read: [^\n]+$"):
        open_kokoro(str(tmp_path), voices)
    with pytest.raises(EngineError, match=r"is not Kokoro: its inputs are images, not speed, style, tokens or"):
        open_kokoro(str(shared / "models/detector/yolox_nano_coco_416.onnx"), voices)


# ------------------------------------------------------------------------------------------------- the real library


@pytest.fixture(scope="module")
def files(standin: Callable[[str], Path], shared: Path) -> tuple[str, str]:
    pytest.importorskip("kokoro_onnx", reason=NEEDS)
    return str(standin("kokoro.onnx")), str(shared / "models/kokoro/voices-7.bin")


@pytest.fixture(scope="module")
def kokoro(files: tuple[str, str]) -> KokoroSynthesizer:
    return open_kokoro(*files, speed=2.0)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


def test_voices_of_another_kind(tmp_path: Path) -> None:
    pytest.importorskip("kokoro_onnx", reason=NEEDS)
    for name in ("kokoro.onnx", "voices.bin"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    with pytest.raises(EngineError, match=r"voices\.bin is no file of Kokoro's voices: [^\n]+$"):
        open_kokoro(str(tmp_path))
    np.savez(tmp_path / "other.npz", one=np.zeros((3, 3)))
    with pytest.raises(EngineError, match=r"other\.npz is no file of Kokoro's voices: it has none of 256 numbers"):
        open_kokoro(str(tmp_path), str(tmp_path / "other.npz"))


def test_it_speaks(kokoro: KokoroSynthesizer) -> None:
    assert (kokoro.name, kokoro.rate, len(kokoro.voices)) == ("kokoro", 24_000, 7)
    assert 0.01 < kokoro.factor < 100
    pcm = kokoro.open().speak("The light is on.").pcm
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(int))
    assert 0.3 < seconds(pcm) < 2
    assert 5000 < samples.max() < 32767
    assert len(kokoro.open(voice="ef_dora").speak("Hola.").pcm) > 0


def test_odd_texts(kokoro: KokoroSynthesizer) -> None:
    speaker = kokoro.open()
    for text in ("...", "😀", "\0", "\ud800", "日本"):
        assert seconds(speaker.speak(text).pcm) < 3


def test_it_can_be_stopped(kokoro: KokoroSynthesizer) -> None:
    speaker = kokoro.open()
    threading.Timer(0.2, speaker.cancel).start()
    with pytest.raises(EngineError, match="stopped"):
        speaker.speak("A long answer that nobody wants any more, " * 8)
    with pytest.raises(EngineError, match="stopped"):
        speaker.speak("And this.")
    assert kokoro.open().speak("This is for someone else.").pcm
