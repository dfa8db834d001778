"""`hearth demo` for real: what it shows must be so."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from satellite import cli
from satellite.commands.questions import QUESTIONS
from tests.conftest import SHARED

SPEECH = SHARED / "media" / "speech"


class Demo:
    """A demo that runs."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "satellite", "demo", "--json", "--data-dir", folder / "data"),
                *("--output", folder / "answers", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HEARTH_CONFIG": "/nobody/has/this.yaml"},  # the demo is as shipped
        )

    def outcome(self) -> tuple[int, list[dict[str, Any]], str]:
        """Return, when it is over, its exit status, the turns that it told, and what it said beside."""
        out, error = self._process.communicate(timeout=110)
        return self._process.returncode, [json.loads(line) for line in out.splitlines()], error

    def stop(self) -> None:
        """Let nothing of it remain."""
        self._process.terminate()
        self._process.communicate()


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Demo]]:
    """Both at the same time: what is said to them at live speed is waited for only once.

    "recorded" has recordings of people, and a picture without any, in place of its own; where there are none, it is not
    there.
    """
    with ExitStack() as stack:
        running = {"shipped": Demo(tmp_path_factory.mktemp("shipped"))}
        stack.callback(running["shipped"].stop)
        if (SPEECH / "office_lights").is_dir():
            running["recorded"] = _recorded(tmp_path_factory.mktemp("recorded"))
            stack.callback(running["recorded"].stop)
        yield running


def _recorded(folder: Path) -> Demo:
    questions = folder / "questions"
    questions.mkdir()
    light = sorted((SPEECH / "office_lights").glob("*.wav"))[0]
    story = min(SPEECH.glob("*/*.wav"), key=lambda path: (path.parent == light.parent, path.stat().st_size))
    for question in QUESTIONS:
        recording = light if question.key == "light" else story
        (questions / f"{question.key}.wav").write_bytes(recording.read_bytes())
    picture = folder / "nobody.png"
    assert cv2.imwrite(str(picture), np.full((240, 320, 3), 128, np.uint8))
    return Demo(folder, "--questions", questions, "--picture", picture)


def check_turn(turn: dict[str, Any]) -> None:
    assert set(turn) == {"heard", "intent", "reply", "wav", "stages", "first_sound_ms", "ok"}
    assert list(turn["stages"]) == ["listen", "asr", "handle", "tts", "speak"]
    for began, ended in turn["stages"].values():
        assert began <= ended
    assert turn["stages"]["listen"][0] < 0 < turn["stages"]["listen"][1]
    assert turn["first_sound_ms"] == turn["stages"]["speak"][0]
    with wave.open(turn["wav"]) as file:
        assert file.getnframes() / file.getframerate() > 0.5


def test_every_turn_comes_out_right(demos: dict[str, Demo]) -> None:
    status, turns, error = demos["shipped"].outcome()
    assert [turn["ok"] for turn in turns] == [True] * len(QUESTIONS), error
    assert status == 0
    for turn in turns:
        check_turn(turn)
    assert [Path(turn["wav"]).name for turn in turns] == [
        f"{number}-{question.key}.wav" for number, question in enumerate(QUESTIONS, 1)
    ]
    *understood, nonsense = turns
    assert [turn["intent"]["name"] for turn in understood] == [
        "HassGetCurrentTime",
        "HassStartTimer",
        "HassTurnOn",
        "HearthLook",
    ]
    assert (nonsense["heard"], nonsense["intent"]) == ("", None)
    assert "person" in understood[3]["reply"]


@pytest.mark.usefixtures("shared")
def test_recordings_and_a_photo(demos: dict[str, Demo]) -> None:
    """Spoken by people where there are recordings; wrong answers are told and make it fail."""
    status, turns, error = demos["recorded"].outcome()
    assert status == 1
    assert [turn["ok"] for turn in turns] == [question.key in {"light", "nonsense"} for question in QUESTIONS], error
    assert "'What time is it?' did not come out right" in error
    assert turns[2]["intent"]["name"] == "HassTurnOn"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--questions", "{tmp}/none"], "no such folder; --questions takes one with time.wav, timer.wav"),
        (["--questions", "{tmp}"], "there is no time.wav"),
        (["--picture", "{tmp}/none.jpg"], "none.jpg: no such file"),
        (["--picture", "{tmp}/text.jpg"], "text.jpg: not a picture that OpenCV can read"),
        (["--output", "{tmp}/text.jpg"], "text.jpg: the folder cannot be made"),
    ],
)
def test_bad_input_is_a_line(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("a photo")
    assert cli.main(["demo", *(option.format(tmp=tmp_path) for option in options)]) == 1
    out, error = capsys.readouterr()
    assert not out
    assert said in error
    assert error.count("\n") == 1
