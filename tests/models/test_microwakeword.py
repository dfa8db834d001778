from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

import pytest

from models.engine import SAMPLE_RATE, BadInput, EngineUnavailable
from models.microwakeword import MicroWakeWords, find_word, open_wake_words
from tests.models.speech import silence, speech
from wyoming_servers.wire.audio import read_wav

package = pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed: script/setup")

SHIPPED = Path(package.__file__).parent / "models"


@pytest.fixture(scope="module")
def engine() -> MicroWakeWords:
    return open_wake_words()


def test_its_words(engine: MicroWakeWords) -> None:
    words = {word.name: word for word in engine.words}
    assert sorted(words) == ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"]
    nabu = words["okay_nabu"]
    assert (nabu.phrase, nabu.author, nabu.version) == ("Okay Nabu", "Kevin Ahrendt", "2")
    assert "en" in nabu.languages
    assert int(engine.version.partition(".")[0]) >= 2


@pytest.mark.parametrize("word", ["okay_nabu", "hey_jarvis", "hey_mycroft", "alexa"])
def test_recordings_of_the_words(engine: MicroWakeWords, shared: Path, word: str) -> None:
    pcm = read_wav(shared / "media" / "wakeword" / "clips" / f"{word}.wav") + silence(500)
    (heard,) = engine.open().feed(pcm)
    assert heard.name == word
    assert SAMPLE_RATE < heard.samples < 2 * SAMPLE_RATE
    assert engine.open(names=[word]).feed(pcm) == [heard]
    assert engine.open(names=[other.name for other in engine.words if other.name != word]).feed(pcm) == []


def test_other_speech_and_noise(engine: MicroWakeWords, shared: Path) -> None:
    """Over ten minutes of people and things, heard by all four words; measured: nothing."""
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed: script/setup")
    media = shared / "media"
    recordings = [media / "wakeword" / "clips" / f"{name}.wav" for name in ("computer", "hey_rhasspy", "snowboy")]
    recordings += [*(media / "speech").rglob("*.wav"), *(media / "noise").glob("*.ogg")]
    heard = []
    for path in recordings:
        if path.suffix == ".wav":
            pcm = read_wav(path)
        else:
            sound, rate = soundfile.read(path, dtype="int16")
            pcm = _resampled(sound if sound.ndim == 1 else sound[:, 0], rate)
        heard += [(path.name, one) for one in engine.open().feed(pcm)]
    assert heard == []


def _resampled(sound: object, rate: int) -> bytes:
    import soxr

    resampled: bytes = soxr.resample(sound, rate, SAMPLE_RATE).astype("<i2").tobytes()
    return resampled


def test_however_the_audio_is_cut(engine: MicroWakeWords) -> None:
    pcm = speech("Okay Nabu.")
    whole = engine.open().feed(pcm)
    assert [one.name for one in whole] == ["okay_nabu"]
    for size in (2, 320, 642, 50_000):
        stream = engine.open()
        assert [one for at in range(0, len(pcm), size) for one in stream.feed(pcm[at : at + size])] == whole
    assert engine.open().feed(b"") == []


def test_streams_do_not_disturb_each_other(engine: MicroWakeWords) -> None:
    spoken = speech("Okay Nabu.")
    quiet = silence(len(spoken) // 32)
    one, other = engine.open(), engine.open()
    heard = []
    for at in range(0, len(spoken), 3200):
        heard += one.feed(spoken[at : at + 3200])
        assert other.feed(quiet[at : at + 3200]) == []
    assert heard == engine.open().feed(spoken)


def test_a_word_is_not_heard_again_too_soon(engine: MicroWakeWords) -> None:
    word = speech("Okay Nabu.")  # about 2.3 s
    assert len(engine.open(refractory_s=0).feed(word * 3)) == 3
    assert len(engine.open(refractory_s=3).feed(word * 3)) == 2
    assert len(engine.open(refractory_s=3600).feed(word * 3)) == 1


def test_how_sure_it_must_be(engine: MicroWakeWords) -> None:
    word = speech("Okay Nabu.")
    (usual,) = engine.open().feed(word)
    (sooner,) = engine.open(threshold=0.1).feed(word)
    assert sooner.samples < usual.samples
    assert engine.open(threshold=0.9999).feed(word) == []


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1.0, 97.0, float("nan")])
def test_a_threshold_that_cannot_be(engine: MicroWakeWords, threshold: float) -> None:
    with pytest.raises(BadInput, match="must be between 0 and 1"):
        engine.open(threshold=threshold)


@pytest.mark.parametrize("seconds", [-1.0, 1e9, float("inf"), float("nan")])
def test_a_time_that_cannot_be(engine: MicroWakeWords, seconds: float) -> None:
    with pytest.raises(BadInput, match="takes 0 to 3600"):
        engine.open(refractory_s=seconds)


def test_words_as_others_write_them(engine: MicroWakeWords) -> None:
    for name in ("okay_nabu", "Okay Nabu", "ok_nabu", "ok-nabu", "okay_nabu_v0.1", " OK NABU "):
        assert find_word(engine.words, name).name == "okay_nabu"
    for name in ("", "computer", "okay", "x" * 10_000):
        with pytest.raises(BadInput, match=r"there are alexa, hey_jarvis, hey_mycroft, okay_nabu$"):
            find_word(engine.words, name)


# ---- files of one's own


def own(folder: Path, name: str = "my_word") -> Path:
    """Copy a model, as a user has trained one."""
    manifest = json.loads((SHIPPED / "okay_nabu.json").read_text())
    (folder / f"{name}.json").write_text(json.dumps(manifest | {"model": f"{name}.tflite", "wake_word": "My word"}))
    shutil.copy(SHIPPED / "okay_nabu.tflite", folder / f"{name}.tflite")
    return folder / f"{name}.json"


def test_a_word_of_ones_own(tmp_path: Path) -> None:
    for path in (own(tmp_path), tmp_path / "my_word.tflite", tmp_path):
        engine = MicroWakeWords([path])
        assert len(engine.words) == 5
        assert find_word(engine.words, "my_word").phrase == "My word"
        (heard,) = engine.open(names=["my_word"]).feed(speech("Okay Nabu."))
        assert heard.name == "my_word"


def test_ones_own_goes_before_the_package_s(tmp_path: Path) -> None:
    engine = MicroWakeWords([own(tmp_path, "okay_nabu")])
    assert len(engine.words) == 4
    assert find_word(engine.words, "okay_nabu").phrase == "My word"


def test_two_of_one_name(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        own(folder)
    with pytest.raises(EngineUnavailable, match="two wake words are called my_word"):
        MicroWakeWords(folders)


@pytest.mark.parametrize("kind", ["empty", "cut off", "noise", "noise after the head"])
def test_a_model_that_is_none(tmp_path: Path, kind: str) -> None:
    path = own(tmp_path)
    good = (tmp_path / "my_word.tflite").read_bytes()
    noise = random.Random(1).randbytes(5000)
    bad = {
        "empty": b"",
        "cut off": good[: len(good) // 2],
        "noise": noise,
        "noise after the head": good[:8] + noise,
    }
    (tmp_path / "my_word.tflite").write_bytes(bad[kind])
    with pytest.raises(EngineUnavailable, match=r"my_word\.tflite is no model of microWakeWord"):
        MicroWakeWords([path])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_wakeword", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[wake\]'"):
        open_wake_words()


def test_the_old_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.microwakeword.metadata.version", lambda _: "1.0.0")
    with pytest.raises(EngineUnavailable, match=r"pymicro-wakeword 1\.0\.0 is too old, 2 or later is needed"):
        open_wake_words()
