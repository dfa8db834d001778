"""The satellite's options, and what is made of them. The speaker's are used by `hearth say` as well."""

from __future__ import annotations

import socket
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any
from unicodedata import category

from wyoming.tts import SynthesizeVoice

from camera.camera import Camera
from camera.source import check_source
from models.engine import WakeWordStream
from models.microwakeword import open_wake_words
from wyoming_servers.wire.audio import Format
from wyoming_servers.wire.options import whole

from .event_commands import add_event_options
from .gpio import add_gpio_options
from .sound.answers import FolderSink
from .sound.clips import ClipMicrophone
from .sound.microphone import CHUNK_SAMPLES, Microphone
from .sound.sound_command import MIC_COMMAND, MIC_FORMAT, SND_COMMAND, SND_FORMAT, CommandMicrophone, CommandSink
from .sound.sound_device import Device, DeviceMicrophone, DeviceSink
from .sound.speaker import Speaker

_NAME_CHARACTERS = 100
_NO_SIGNS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, halves of characters (bytes that are no UTF-8), and ends of lines."""


def add_satellite_options(parser: ArgumentParser) -> None:
    """Add everything that a satellite takes."""
    parser.add_argument(
        "--name",
        type=called,
        default=socket.gethostname(),
        help="what this satellite is called (this machine's name: %(default)s)",
    )
    parser.add_argument(
        "--area", type=called, help='where it is, the name of an area: there is what "turn on the lights" means'
    )
    add_microphone_options(parser)
    add_speaker_options(parser)
    add_camera_options(parser)
    add_event_options(parser)
    add_gpio_options(parser)
    add_wake_options(parser)
    group = parser.add_argument_group("turns")
    group.add_argument("--language", help="language that is spoken, such as en (the servers' own)")
    group.add_argument("--voice", help="name of the voice that answers (the tts server's own)")


def add_microphone_options(parser: ArgumentParser) -> None:
    """Add where sound comes from."""
    group = parser.add_argument_group("microphone", "A file goes before a command, a command before a device.")
    group.add_argument("--mic-device", metavar="DEVICE", help="sound device, its number or part of its name")
    _add_command_options(group, "mic", f"command that writes raw sound, such as: {MIC_COMMAND}", MIC_FORMAT)
    group.add_argument(
        "--mic-command-samples-per-chunk",
        type=whole(1, 65_536),
        default=CHUNK_SAMPLES,
        metavar="COUNT",
        help="read at once (%(default)s)",
    )
    group.add_argument(
        "--mic-file",
        type=Path,
        metavar="PATH",
        help="WAV file, or folder of them, played at live speed; the satellite ends when all are answered",
    )


def add_wake_options(parser: ArgumentParser) -> None:
    """Add by which word it is called."""
    group = parser.add_argument_group("wake word", "Without one it listens to everybody who speaks.")
    group.add_argument(
        "--wake-word-name",
        "--wake-word",
        dest="wake_word",
        action="append",
        default=[],
        metavar="NAME|PATH",
        help="listen to who says this first: okay_nabu, hey_jarvis, hey_mycroft, alexa, or a microWakeWord model of"
        " your own, its .json file with its .tflite file beside it; may be repeated",
    )
    group.add_argument(
        "--wake-word-threshold",
        type=float,
        metavar="PROBABILITY",
        help="how sure it must be of the word, between 0 and 1; more for fewer false ones (what its model says)",
    )


def add_speaker_options(parser: ArgumentParser) -> None:
    """Add where sound goes."""
    group = parser.add_argument_group("speaker", "A folder goes before a command, a command before a device.")
    group.add_argument("--snd-device", metavar="DEVICE", help="sound device, its number or part of its name")
    _add_command_options(group, "snd", f"command that reads raw sound, such as: {SND_COMMAND}", SND_FORMAT)
    group.add_argument("--snd-folder", type=Path, metavar="FOLDER", help="keep every answer as a WAV file there")
    group.add_argument(
        "--volume",
        type=whole(0, 100),
        metavar="PERCENT",
        help="how loud it speaks (a satellite: as it was left, at first 100; else 100)",
    )


def add_camera_options(parser: ArgumentParser) -> None:
    """Add what the satellite sees."""
    group = parser.add_argument_group("camera")
    group.add_argument(
        "--camera",
        metavar="SOURCE",
        help="camera (0, /dev/video0), video file, picture, or folder of pictures; none unless this is given",
    )
    group.add_argument(
        "--camera-fps", type=_fps, default=1.0, metavar="COUNT", help="pictures looked at a second (%(default)g)"
    )
    group.add_argument("--camera-name", default="camera", metavar="NAME", help="what to call it (%(default)s)")


def open_microphone(args: Namespace) -> Microphone:
    """Return the microphone that was asked for; raise `MicrophoneError` for a command that cannot be."""
    if args.mic_file is not None:
        return ClipMicrophone()
    if args.mic_command is not None:
        sound = (args.mic_command_rate, args.mic_command_width, args.mic_command_channels)
        return CommandMicrophone(args.mic_command, sound, args.mic_command_samples_per_chunk)
    return DeviceMicrophone(_device(args.mic_device))


def open_wake_word(args: Namespace) -> WakeWordStream | None:
    """Return what hears the wake words here, or None where there are none.

    Raises `EngineUnavailable` for a file that is wrong or a missing package, `BadInput` for a word that is not known.
    """
    if not args.wake_word:
        return None
    own = [word for word in args.wake_word if Path(word).suffix in {".json", ".tflite"}]
    engine = open_wake_words(own)
    names = [Path(word).stem if word in own else word for word in args.wake_word]
    return engine.open(names=names, threshold=args.wake_word_threshold)


def open_speaker(args: Namespace) -> Speaker:
    """Return the speaker that was asked for; raise `SpeakerError` for a command that cannot be."""
    if args.snd_folder is not None:
        folder: Path = args.snd_folder
        speaker = Speaker(f"folder {folder}", lambda name: FolderSink(folder, name))
    elif args.snd_command is not None:
        sound = (args.snd_command_rate, args.snd_command_width, args.snd_command_channels)
        name = CommandSink(args.snd_command, sound).name  # says now what is wrong with it
        speaker = Speaker(name, lambda _: CommandSink(args.snd_command, sound))
    else:
        device = _device(args.snd_device)
        speaker = Speaker("sound device", lambda _: DeviceSink(device))
    if args.volume is not None:
        speaker.volume = args.volume
    return speaker


def open_camera(args: Namespace) -> Camera | None:
    """Return the camera, if there is one; raise `CameraError` for a file that is not there."""
    if args.camera is None:
        return None
    check_source(args.camera)
    return Camera(args.camera, args.camera_fps, args.camera_name)


def chosen_voice(args: Namespace) -> SynthesizeVoice | None:
    """Return the voice that answers, or None for the tts server's own."""
    if args.voice is not None:
        return SynthesizeVoice(name=args.voice)
    return SynthesizeVoice(language=args.language) if args.language is not None else None


def _add_command_options(group: Any, kind: str, help_text: str, sound: Format) -> None:
    group.add_argument(f"--{kind}-command", metavar="COMMAND", help=help_text)
    for name, default, metavar in zip(("rate", "width", "channels"), sound, ("HERTZ", "BYTES", "COUNT"), strict=True):
        group.add_argument(
            f"--{kind}-command-{name}", type=int, default=default, metavar=metavar, help="of its sound (%(default)s)"
        )


def called(text: str) -> str:
    """Return a name that is shown to people; a type for options."""
    if not text.strip() or len(text) > _NAME_CHARACTERS or any(category(sign) in _NO_SIGNS for sign in text):
        raise ArgumentTypeError(f"takes 1 to {_NAME_CHARACTERS} characters, none of them a control character")
    return text


def _fps(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 60:
        raise ArgumentTypeError(f"takes a number from 0.01 to 60, not '{text}'")
    return value


def _device(text: str | None) -> Device:
    return int(text) if text is not None and text.isdecimal() else text
