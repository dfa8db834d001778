"""`hearth demo` for real: what it shows must be so."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from satellite import cli
from satellite.commands.questions import QUESTIONS


def demo(folder: Path, *arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    command: list[str | Path] = [
        sys.executable,
        "-P",
        "-m",
        "satellite",
        "demo",
        "--json",
        "--data-dir",
        folder / "data",
    ]
    done = subprocess.run(
        [*command, "--output", folder / "answers", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={"PATH": "/usr/bin:/bin", "HEARTH_CONFIG": "/nobody/has/this.yaml"},  # the demo is as shipped
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def check_turn(turn: dict[str, Any]) -> None:
    assert set(turn) == {"heard", "intent", "reply", "wav", "stages", "first_sound_ms", "ok"}
    assert list(turn["stages"]) == ["listen", "asr", "handle", "tts", "speak"]
    for began, ended in turn["stages"].values():
        assert began <= ended
    assert turn["stages"]["listen"][0] < 0 < turn["stages"]["listen"][1]
    assert turn["first_sound_ms"] == turn["stages"]["speak"][0]
    with wave.open(turn["wav"]) as file:
        assert file.getnframes() / file.getframerate() > 0.5


def test_every_turn_comes_out_right(tmp_path: Path) -> None:
    status, turns, error = demo(tmp_path)
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


def test_recordings_and_a_photo(tmp_path: Path, shared: Path) -> None:
    """Spoken by people where there are recordings; wrong answers are told and make it fail."""
    questions = tmp_path / "questions"
    questions.mkdir()
    light = sorted((shared / "media" / "speech" / "office_lights").glob("*.wav"))[0]
    story = min(
        (shared / "media" / "speech").glob("*/*.wav"),
        key=lambda path: (path.parent == light.parent, path.stat().st_size),
    )
    for question in QUESTIONS:
        recording = light if question.key == "light" else story
        (questions / f"{question.key}.wav").write_bytes(recording.read_bytes())
    picture = tmp_path / "nobody.png"
    assert cv2.imwrite(str(picture), np.full((240, 320, 3), 128, np.uint8))
    status, turns, error = demo(tmp_path, "--questions", questions, "--picture", picture)
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
