import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from models.engine import SAMPLE_RATE, EngineError, EngineUnavailable
from models.sentences.house import load_house
from models.sentences.language_model import make
from models.sentences.library import load_sentences
from models.sphinx import SphinxRecognizer, open_recognizer
from tests.models.speech import silence, speech

KITCHEN = "Turn off the lights in the kitchen."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.find_spec("pocketsphinx")
    assert spec is not None
    assert spec.origin is not None
    lexicon = Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"
    return make(load_sentences(load_house()), tmp_path_factory.mktemp("data"), lexicon)


@pytest.fixture(scope="module")
def engine(folder: Path) -> SphinxRecognizer:
    return open_recognizer(str(folder))


def noisy(pcm: bytes, level: int = 50) -> bytes:
    """Return `pcm` with noise of up to `level`: no microphone gives zeros."""
    noise = np.random.default_rng(0).integers(-level, level + 1, len(pcm) // 2)
    return np.clip(np.frombuffer(pcm, "<i2") + noise, -32768, 32767).astype("<i2").tobytes()


def hear(engine: SphinxRecognizer, pcm: bytes, *, size: int = 640) -> tuple[str, float]:
    """Return the text, and the seconds of `pcm` after which the recognizer found the end."""
    stream = engine.open()
    for end in range(size, len(pcm) + size, size):
        hearing = stream.feed(pcm[end - size : end])
        if hearing.ended:
            assert not stream.feed(pcm).ended
            assert stream.finish() == hearing.text
            return hearing.text, min(end, len(pcm)) / 2 / SAMPLE_RATE
    raise AssertionError("the recognizer found no end")


@pytest.mark.parametrize(
    ("said", "pause"), [(KITCHEN, 0.25), ("What time is it?", 0.25), ("Set a timer for five minutes.", 0.5)]
)
def test_it_hears_speech_and_its_end(engine: SphinxRecognizer, said: str, pause: float) -> None:
    pcm = noisy(speech(said))
    text, end = hear(engine, pcm)
    assert text == said.lower().strip(".?")
    spoken = len(pcm) / 2 / SAMPLE_RATE - 1.0  # espeak-ng's own silence is part of it
    assert spoken - 0.5 < end < spoken + pause + 0.1


def test_the_client_may_find_the_end(engine: SphinxRecognizer) -> None:
    stream = engine.open(find_end=False)
    assert not stream.feed(noisy(speech(KITCHEN, after_ms=3000))).ended
    assert stream.finish() == "turn off the lights in the kitchen"


def test_other_speech_is_no_sentence(engine: SphinxRecognizer) -> None:
    text, _ = hear(engine, noisy(speech("My grandmother lived in a small village by the river.")))
    assert text == ""


@pytest.mark.parametrize("level", [0, 50, 3000])
def test_silence_and_noise_are_nothing(engine: SphinxRecognizer, level: int) -> None:
    text, end = hear(engine, noisy(silence(15_500), level))
    assert text == ""
    assert end == 15


def test_finish_without_audio(engine: SphinxRecognizer) -> None:
    stream = engine.open()
    assert stream.finish() == ""
    assert not stream.feed(noisy(speech(KITCHEN))).ended
    assert stream.finish() == ""


def test_a_stream_after_another_starts_afresh(engine: SphinxRecognizer) -> None:
    pcm = noisy(speech(KITCHEN))
    first = hear(engine, pcm)
    engine.open().feed(noisy(speech("What time is it?"))[:48_000])  # left in the middle
    assert engine.open().finish() == ""
    assert hear(engine, pcm) == first


def test_a_damaged_language_model(folder: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "words.dict").write_text("stop S T")
    with pytest.raises(EngineError, match="is damaged; start the server again"):
        SphinxRecognizer(damaged)


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[asr\]'"):
        SphinxRecognizer(folder)
