from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import espeak
from models.engine import BadInput, EngineUnavailable
from models.espeak import MAX_SECONDS, MAX_TEXT, EspeakSynthesizer, open_espeak

TEXT = "The light in the office is on."
LONG = f"{TEXT} " + " ".join(map(str, range(10)))


@pytest.fixture(scope="module")
def engine() -> EspeakSynthesizer:
    return open_espeak()


def say(engine: EspeakSynthesizer, text: str, *, voice: str | None = None, language: str | None = None) -> bytes:
    return engine.open(voice=voice, language=language).speak(text).pcm


def seconds(engine: EspeakSynthesizer, pcm: bytes) -> float:
    assert len(pcm) % 2 == 0
    return len(pcm) / 2 / engine.rate


def loudest(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max(initial=0))


def alike(engine: EspeakSynthesizer, one: bytes, other: bytes) -> bool:
    """Whether both are the same voice saying the same: its length tells, within 10 ms that differ each time."""
    return abs(seconds(engine, one) - seconds(engine, other)) < 0.03


def test_it_speaks(engine: EspeakSynthesizer) -> None:
    pcm = say(engine, TEXT)
    assert engine.rate == 22050
    assert 1 < seconds(engine, pcm) < 3
    assert loudest(pcm) > 5000


def test_the_pause_belongs_to_the_mark(engine: EspeakSynthesizer) -> None:
    comma, stop = say(engine, "mama,"), say(engine, "mama.")
    assert 0.1 < seconds(engine, stop) - seconds(engine, comma) < 0.2


def test_voices_are_the_librarys_own(engine: EspeakSynthesizer) -> None:
    names = [voice.name for voice in engine.voices]
    assert len(names) > 100
    assert len({name.lower() for name in names}) == len(names)
    assert {"en-US", "en", "de", "fr", "es-419", "cmn"} <= set(names)
    assert engine.default_voice == "en-US"
    code = re.compile(r"[a-z]{2,4}(-[a-z]{3})?(-[A-Z][a-z]{3}|-[A-Z]{2}|-[a-z\d]+)*")
    for voice in engine.voices:
        assert voice.languages
        assert voice.description
        assert all(code.fullmatch(language) for language in voice.languages), voice
    by_name = {voice.name: voice for voice in engine.voices}
    assert by_name["en-US"].languages == ["en-US", "en"]
    assert by_name["en"].languages == ["en-GB", "en"]


def test_every_voice_speaks(engine: EspeakSynthesizer) -> None:
    silent = [voice.name for voice in engine.voices if loudest(say(engine, "mama 1 2 3", voice=voice.name)) < 1000]
    assert silent == []


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        (None, "en-US"),
        ("en", "en-US"),
        ("en-GB", "en"),
        ("EN_gb", "en"),
        ("en-AU", "en-US"),
        ("de-AT", "de"),
        ("es-MX", "es-419"),
        ("pt", "pt"),
        ("no", "nb"),
        ("zh-CN", "cmn"),
    ],
)
def test_a_language_picks_its_best_voice(engine: EspeakSynthesizer, language: str | None, voice: str) -> None:
    assert open_espeak(language=language).default_voice == voice
    assert alike(engine, say(engine, LONG, language=language), say(engine, LONG, voice=voice))


def test_a_voice_goes_before_a_language(engine: EspeakSynthesizer) -> None:
    german = say(engine, LONG, voice="DE", language="en")
    assert alike(engine, german, say(engine, LONG, voice="de"))
    assert not alike(engine, german, say(engine, LONG))
    assert open_espeak(voice="DE", language="en").default_voice == "de"


def test_the_default_voice_speaks_its_languages() -> None:
    british = open_espeak(voice="en")
    american = open_espeak()
    assert alike(british, say(british, LONG, language="en"), say(american, LONG, voice="en"))


def test_speed(engine: EspeakSynthesizer) -> None:
    usual = seconds(engine, say(engine, TEXT))
    assert seconds(engine, say(open_espeak(speed=2.0), TEXT)) < 0.7 * usual
    assert seconds(engine, say(open_espeak(speed=0.5), TEXT)) > 1.5 * usual
    assert abs(seconds(engine, say(engine, TEXT)) - usual) < 0.03


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"speed": 0.4}, "speed is 0.4; it must be 0.5 to 2.0"),
        ({"speed": float("nan")}, "speed is nan"),
        ({"voice": "nobody"}, "there is no voice 'nobody'"),
        ({"language": "xx-YY"}, "no voice speaks 'xx-YY'"),
    ],
)
def test_what_it_cannot_be(options: dict[str, float | str], told: str) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        open_espeak(**options)  # type: ignore[arg-type]


def test_what_it_cannot_say(engine: EspeakSynthesizer) -> None:
    with pytest.raises(BadInput, match="no voice 'nobody'"):
        say(engine, TEXT, voice="nobody")
    with pytest.raises(BadInput, match="no voice speaks 'xx'"):
        engine.open(language="xx")
    with pytest.raises(BadInput, match=f"{MAX_TEXT + 1} characters; at most {MAX_TEXT}"):
        say(engine, "x" * (MAX_TEXT + 1))
    with pytest.raises(BadInput, match=f"more than {MAX_SECONDS} s"):
        say(open_espeak(speed=0.5), "字" * MAX_TEXT)
    assert loudest(say(engine, TEXT)) > 5000


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\0", "\x01\x7f\x1b", "\ud800", "...", "?", "-", "(", "،"])
def test_where_there_is_nothing_to_say_it_is_silent(engine: EspeakSynthesizer, text: str) -> None:
    pcm = say(engine, text)
    assert seconds(engine, pcm) < 0.5
    assert loudest(pcm) < 64


@pytest.mark.parametrize("text", ["a\0b", "a\x01b", "a\ud800b"])
def test_control_characters_are_spaces(engine: EspeakSynthesizer, text: str) -> None:
    assert alike(engine, say(engine, text), say(engine, "a b"))


def test_markup_is_only_text(engine: EspeakSynthesizer) -> None:
    assert seconds(engine, say(engine, '<speak><audio src="/etc/passwd"/></speak>')) > 1


def test_threads_take_turns(engine: EspeakSynthesizer) -> None:
    voices = ["en-US", "de", "fr", "es"] * 10
    expected = {voice: say(engine, TEXT, voice=voice) for voice in voices}
    with ThreadPoolExecutor(8) as threads:
        spoken = list(threads.map(lambda voice: say(engine, TEXT, voice=voice), voices))
    assert all(alike(engine, pcm, expected[voice]) for voice, pcm in zip(voices, spoken, strict=True))


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_any_western_text(text: str) -> None:
    engine = open_espeak()
    assert seconds(engine, say(engine, text)) < MAX_SECONDS


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "_library", espeak._library.__wrapped__)  # as in a new process
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[tts\]'"):
        open_espeak()
