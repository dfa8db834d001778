"""ask, say, and where they find their server."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.satellite.commands.conftest import Hearth


def test_ask(hearth: Hearth, server: Callable[[str], str]) -> None:
    status, (answer,), error = hearth("ask", "--uri", server("handle"), "turn", "on", "the", "kitchen", "lights")
    assert (status, error) == (0, "")
    assert answer["text"] == "turn on the kitchen lights"
    assert answer["intent"] == {"name": "HassTurnOn", "slots": {"area": "kitchen", "domain": "light"}}
    assert answer["handled"] is True
    assert answer["reply"]


def test_what_is_not_understood_is_a_failure(hearth: Hearth, server: Callable[[str], str]) -> None:
    status, (answer,), _ = hearth("ask", "--uri", server("handle"), "colourless green ideas")
    assert status == 1
    assert (answer["handled"], answer["intent"], answer["actions"]) == (False, None, [])
    assert answer["reply"]


def test_a_conversation_goes_on(hearth: Hearth, server: Callable[[str], str]) -> None:
    said = ["ask", "--uri", server("handle"), "--conversation", "c1"]
    _, (first,), _ = hearth(*said, "what is two plus three")
    _, (again,), _ = hearth(*said, "repeat that")
    assert "5" in first["reply"]
    assert again["reply"] == first["reply"]


@pytest.mark.parametrize("command", ["ask", "say"])
def test_an_empty_text_is_wrong_usage(command: str, hearth: Hearth) -> None:
    status, printed, error = hearth(command, " ")
    assert (status, printed) == (2, [])
    assert "the text is empty" in error


def test_say_writes_a_wav(hearth: Hearth, server: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"
    status, (said,), error = hearth("say", "--uri", server("tts"), "-o", target, "hello", "there")
    assert (status, error) == (0, "")
    with wave.open(str(target)) as file:
        seconds = file.getnframes() / file.getframerate()
    assert said == {"text": "hello there", "file": str(target), "seconds": pytest.approx(seconds, abs=0.001)}
    assert 0.3 < seconds < 3
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_said_leaves_no_file(hearth: Hearth, server: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"
    status, printed, error = hearth("say", "--uri", server("tts"), "-o", target, "--voice", "nobody", "hello")
    assert (status, printed) == (1, [])
    assert "there is no voice 'nobody'" in error
    status, printed, error = hearth("say", "--uri", server("tts"), "-o", tmp_path / "no" / "x.wav", "hello")
    assert (status, printed) == (1, [])
    assert "there is no folder" in error
    status, _, error = hearth("say", "--uri", server("tts"), "-o", tmp_path, "hello")
    assert status == 1
    assert "it is a folder" in error
    assert list(tmp_path.iterdir()) == []


def test_voices(hearth: Hearth, server: Callable[[str], str]) -> None:
    status, voices, _ = hearth("say", "--uri", server("tts"), "--list-voices")
    assert status == 0
    assert len(voices) > 50
    assert "en-US" in voices[0]["languages"]


def test_a_server_of_another_job_is_told_apart(hearth: Hearth, server: Callable[[str], str]) -> None:
    status, printed, error = hearth("ask", "--uri", server("vad"), "what time is it")
    assert (status, printed) == (1, [])
    assert "does vad, not handle" in error


@pytest.mark.parametrize(
    ("uri", "said"), [("tcp://127.0.0.1:1", "127.0.0.1"), ("house", "it takes tcp://HOST:PORT or unix:///PATH")]
)
def test_a_server_that_is_not_there(uri: str, said: str, hearth: Hearth) -> None:
    status, printed, error = hearth("ask", "--uri", uri, "what time is it")
    assert (status, printed) == (1, [])
    assert said in error
    assert error.count("\n") == 1


def test_without_a_server_one_is_started_for_the_moment(hearth: Hearth) -> None:
    status, (answer,), _ = hearth("ask", "what time is it")
    assert status == 0
    assert answer["intent"]["name"] == "HassGetCurrentTime"
