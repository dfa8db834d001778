"""Commands that take files: every file is one answer or one line."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from satellite import cli
from satellite.commands.recordings import open_recording
from tests.satellite.commands.conftest import Hearth
from wyoming_servers.wire.audio import write_wav

RATE = 16_000


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    write_wav(path, bytes(2 * RATE), RATE)
    return path


@pytest.fixture
def bad_files(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / name for name in ("missing", "nothing", "text", "headless", "empty", "folder", "cut")}
    files["nothing"].write_bytes(b"")
    files["text"].write_text("what time is it")
    files["headless"].write_bytes(b"RIFF")
    write_wav(files["empty"], b"", RATE)
    files["folder"].mkdir()
    write_wav(files["cut"], bytes(200), RATE)
    files["cut"].write_bytes(files["cut"].read_bytes()[:44])  # its header promises sound that is not there
    files["device"] = Path("/dev/zero")
    return files


SAID = {
    "missing": "No such file or directory",
    "nothing": "not a WAV file of PCM samples",
    "text": "not a WAV file of PCM samples",
    "headless": "not a WAV file of PCM samples",
    "empty": "the file holds no sound",
    "folder": "a folder; name the WAV files in it",
    "cut": "the file holds no sound",
    "device": "not a file",
}


def test_bad_files_are_a_line_each_and_need_no_server(bad_files: dict[str, Path], hearth: Hearth) -> None:
    status, printed, error = hearth("vad", "--uri", "tcp://127.0.0.1:1", *bad_files.values())
    assert status == 1
    assert not error
    assert {Path(line["file"]).name.replace("zero", "device") for line in printed} == set(SAID)
    for line in printed:
        assert SAID[Path(line["file"]).name.replace("zero", "device")] in line["error"]


def test_bad_files_for_people(bad_files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", *map(str, bad_files.values())]) == 1
    out, error = capsys.readouterr()
    assert not out
    assert len(error.splitlines()) == len(bad_files)
    assert all(line.startswith("hearth: ") for line in error.splitlines())


def test_a_bad_file_does_not_stop_the_others(
    bad_files: dict[str, Path], silence: Path, hearth: Hearth, server: Callable[[str], str]
) -> None:
    status, printed, _ = hearth("vad", "--uri", server("vad"), bad_files["text"], silence, bad_files["missing"])
    assert status == 1
    assert [line for line in printed if "segments" in line] == [{"file": str(silence), "seconds": 1.0, "segments": []}]
    assert len(printed) == 3


def test_vad_finds_speech_in_any_format(tmp_path: Path, hearth: Hearth, server: Callable[[str], str]) -> None:
    spoken = tmp_path / "spoken.wav"
    assert hearth("say", "--uri", server("tts"), "-o", spoken, "good morning everybody")[0] == 0
    with wave.open(str(spoken)) as file:
        rate, pcm = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    quiet = np.zeros(rate, "<i2")
    stereo = tmp_path / "stereo.wav"
    with wave.open(str(stereo), "wb") as file:
        file.setparams((2, 4, rate, 0, "NONE", "not compressed"))
        file.writeframes((np.repeat(np.concatenate([quiet, pcm, quiet]), 2).astype("<i4") << 16).tobytes())
    status, (found,), _ = hearth("vad", "--uri", server("vad"), stereo)
    assert status == 0
    assert found["seconds"] == pytest.approx(2 + len(pcm) / rate, abs=0.01)
    (segment,) = found["segments"]
    assert segment["start"] == pytest.approx(1.0, abs=0.2)
    assert segment["end"] == pytest.approx(1 + len(pcm) / rate, abs=0.3)


def test_a_header_that_promises_too_much_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    write_wav(path, bytes(2 * RATE), RATE)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\x7f"  # as programs write that do not know the length yet
    path.write_bytes(content)
    assert open_recording(path).seconds == pytest.approx(1.0, abs=0.01)


def test_wrong_figures_are_wrong_usage(silence: Path, hearth: Hearth) -> None:
    for option in ("--threshold=1.5", "--min-speech-ms=-1"):
        status, printed, error = hearth("vad", option, silence)
        assert (status, printed) == (2, [])
        assert option.partition("=")[0] in error
