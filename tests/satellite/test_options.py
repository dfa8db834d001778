from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from camera.source import CameraError
from satellite.options import add_satellite_options, chosen_voice, open_camera, open_microphone, open_speaker
from satellite.sound.clips import ClipMicrophone
from satellite.sound.microphone import MicrophoneError
from satellite.sound.sound_command import CommandMicrophone
from satellite.sound.sound_device import DeviceMicrophone
from satellite.sound.speaker import SpeakerError
from wyoming_servers.wire.options import Parser


def parse(*arguments: str) -> Namespace:
    parser = Parser(prog="satellite")
    add_satellite_options(parser)
    return parser.parse_args(list(arguments))


async def test_which_microphone() -> None:
    assert isinstance(open_microphone(parse()), DeviceMicrophone)
    assert open_microphone(parse("--mic-device", "3")).name == "sound device 3"
    command = open_microphone(parse("--mic-command", "sox -d -", "--mic-device", "x", "--mic-command-rate", "48000"))
    assert isinstance(command, CommandMicrophone)
    assert command.name == "command sox"
    assert isinstance(open_microphone(parse("--mic-file", "a.wav", "--mic-command", "x")), ClipMicrophone)


async def test_which_speaker(tmp_path: Path) -> None:
    assert open_speaker(parse()).name == "sound device"
    assert open_speaker(parse("--snd-command", "aplay -", "--snd-command-channels", "2")).name == "command aplay"
    speaker = open_speaker(parse("--snd-folder", str(tmp_path), "--volume", "30"))
    assert (speaker.name, speaker.volume) == (f"folder {tmp_path}", 30)


async def test_which_camera_and_voice(tmp_path: Path) -> None:
    assert open_camera(parse()) is None
    camera = open_camera(parse("--camera", "0", "--camera-name", "door"))
    assert camera is not None
    assert camera.name == "door"
    with pytest.raises(CameraError, match="no such file"):
        open_camera(parse("--camera", str(tmp_path / "missing.mp4")))
    assert chosen_voice(parse()) is None
    for arguments, name, language in (
        (("--voice", "v"), "v", None),
        (("--language", "de"), None, "de"),
        (("--voice", "v", "--language", "de"), "v", None),
    ):
        voice = chosen_voice(parse(*arguments))
        assert voice is not None
        assert (voice.name, voice.language) == (name, language)


async def test_every_option_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEARTH_MIC_COMMAND", "arecord -t raw")
    monkeypatch.setenv("HEARTH_SND_FOLDER", str(tmp_path))
    monkeypatch.setenv("HEARTH_CAMERA_FPS", "2.5")
    args = parse()
    assert open_microphone(args).name == "command arecord"
    assert (args.snd_folder, args.camera_fps) == (tmp_path, 2.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--volume", "120"], "takes a whole number from 0 to 100, not '120'"),
        (["--volume", "-5"], "volume"),
        (["--volume", "loud"], "not 'loud'"),
        (["--camera-fps", "0"], "takes a number from 0.01 to 60, not '0'"),
        (["--camera-fps", "nan"], "not 'nan'"),
        (["--mic-command-samples-per-chunk", "0"], "from 1 to 65536"),
        (["--mic-command-rate", "high"], "mic-command-rate"),
        (["--microphone", "1"], "--microphone"),
        (["--name", " "], "takes 1 to 100 characters, none of them a control character"),
        (["--name", "a\nb"], "takes 1 to 100"),
        (["--name", "x" * 101], "takes 1 to 100"),
        (["--name", "\udcff"], "takes 1 to 100"),
    ],
)
def test_wrong_options_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*arguments)
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["Küche 🍳", "\N{FAMILY}\u200d\N{GIRL}", "x" * 100])
def test_a_satellite_is_called_as_people_like(name: str) -> None:
    assert parse("--name", name).name == name


async def test_formats_that_cannot_be_sound() -> None:
    with pytest.raises(MicrophoneError, match="microphone: audio 'rate' takes a whole number from 8000"):
        open_microphone(parse("--mic-command", "arecord", "--mic-command-rate", "1"))
    with pytest.raises(SpeakerError, match="speaker: audio 'width'"):
        open_speaker(parse("--snd-command", "aplay", "--snd-command-width", "5"))
