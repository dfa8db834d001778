"""Speak a text: aloud, or into a WAV file with -o.

With --json: {"text", "file" or null, "seconds"}; with --list-voices, a line a voice: {"voice", "languages",
"description"}.
"""

from __future__ import annotations

import wave
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.tts import Synthesize, SynthesizeVoice

from satellite.options import add_speaker_options, open_speaker
from satellite.sound.speaker import SpeakerError
from wyoming_servers.wire import answer, connect_to, describe
from wyoming_servers.wire.audio import AudioConverter, Format, chunk_format

from .common import CommandError, Output, UsageError
from .reach import add_reach_options, reach

_SILENT_S = 30.0
"""A server that sends nothing for so long is given up."""


def add_options(parser: ArgumentParser) -> None:
    """Add the text and how it is to sound."""
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what to say")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write a WAV file instead of playing it")
    parser.add_argument("--voice", help="name of a voice (the server's own)")
    parser.add_argument("--language", help="any voice that speaks this language, such as de")
    parser.add_argument("--list-voices", action="store_true", help="list the voices there are")
    add_speaker_options(parser)
    add_reach_options(parser)
    parser.add_argument(
        "--voices", type=Path, metavar="PATH", help="the same with this file of Kokoro's voices (beside the model)"
    )


async def run(args: Namespace) -> int:
    """Speak, or list the voices."""
    output = Output(json=args.json)
    text = " ".join(args.text).strip()
    if args.list_voices:
        async with reach("tts", args) as uri:
            await _list_voices(uri, output)
        return 0
    if not text:
        raise UsageError("the text is empty; say something, such as: hearth say good morning -o morning.wav")
    if args.output is not None:
        _check_target(args.output)
    voice = SynthesizeVoice(name=args.voice, language=args.language) if args.voice or args.language else None
    async with reach("tts", args) as uri, aclosing(speak(uri, Synthesize(text=text, voice=voice))) as sound:
        seconds = await (_play(sound, args) if args.output is None else _write(sound, args.output))
    output.record(text=text, file=str(args.output) if args.output else None, seconds=round(seconds, 3))
    return 0


async def speak(uri: str, wanted: Synthesize) -> AsyncGenerator[tuple[bytes, Format], None]:
    """Yield sound and its format as the tts server at `uri` makes it. Raises `WireError`."""
    async with connect_to(uri) as connection:
        await connection.send(wanted)
        while not AudioStop.is_type((event := await answer(connection, _SILENT_S)).type):
            if AudioChunk.is_type(event.type):
                yield event.payload or b"", chunk_format(event)


async def spoken(uri: str, wanted: Synthesize) -> bytes:
    """Return what the tts server at `uri` makes as 16 kHz 16-bit mono. Raises `WireError`."""
    pcm = b""
    async with aclosing(speak(uri, wanted)) as sound:
        converter: AudioConverter | None = None
        async for piece, form in sound:
            converter = converter or AudioConverter(*form)
            pcm += converter.convert(piece)
    return pcm + (converter.flush() if converter is not None else b"")


async def _write(sound: AsyncGenerator[tuple[bytes, Format], None], target: Path) -> float:
    """Write a WAV file and return the seconds of sound in it; where that fails, no file is left."""
    part = target.with_name(f".{target.name}.part")
    seconds = 0.0
    try:
        with ExitStack() as stack:
            file: wave.Wave_write | None = None
            async for pcm, (rate, width, channels) in sound:
                if file is None:
                    file = stack.enter_context(wave.open(str(part), "wb"))
                    file.setparams((channels, width, rate, 0, "NONE", "not compressed"))
                file.writeframesraw(pcm)
                seconds += len(pcm) / (rate * width * channels)
        if not seconds:
            raise CommandError("there is nothing to be heard in this text")
        part.replace(target)
    except OSError as error:
        raise CommandError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return seconds


async def _play(sound: AsyncGenerator[tuple[bytes, Format], None], args: Namespace) -> float:
    """Play the sound and return its length in seconds."""
    try:
        async with open_speaker(args).play("say") as playback:
            async for pcm, form in sound:
                await playback.write(pcm, form)
    except SpeakerError as error:
        raise CommandError(f"{error}; or write a file with -o") from error
    return playback.seconds


def _check_target(target: Path) -> None:
    if target.is_dir() or not target.parent.is_dir():
        what = "it is a folder" if target.is_dir() else f"there is no folder {target.parent}"
        raise CommandError(f"{target}: cannot be written: {what}")


async def _list_voices(uri: str, output: Output) -> None:
    voices = [voice for program in (await describe(uri)).tts for voice in program.voices if voice.installed]
    for voice in voices:
        output.record(voice=voice.name, languages=voice.languages, description=voice.description)
    rows = [(voice.name, ", ".join(voice.languages), voice.description or "") for voice in voices]
    output.table(("voice", "languages", "description"), rows)
