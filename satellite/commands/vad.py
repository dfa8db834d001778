"""Tell where somebody speaks in WAV files: a line a stretch of speech, its beginning and its end in seconds.

With --json, a line a file: {"file", "seconds", "segments": [{"start", "end"}]}, all in seconds.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from wyoming.audio import AudioStop

from wyoming_servers.wire import Connection, Fields, answer, connect_to
from wyoming_servers.wire.vad import DetectVoice, VoiceStarted, VoiceStopped

from .common import Output, UsageError
from .files import for_each
from .reach import add_reach_options
from .recordings import Recording, ask_about, open_recording


def add_options(parser: ArgumentParser) -> None:
    """Add the files, and when speech starts and stops."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a WAV file")
    parser.add_argument("--threshold", type=float, help="probability of speech, 0 to 1 (the server's own)")
    parser.add_argument("--min-speech-ms", type=int, metavar="MS", help="speech that starts one (the server's own)")
    parser.add_argument("--min-silence-ms", type=int, metavar="MS", help="silence that ends one (the server's own)")
    add_reach_options(parser)


async def run(args: Namespace) -> int:
    """Print the stretches of speech in each file."""
    output = Output(json=args.json)
    wanted = DetectVoice(args.threshold, args.min_silence_ms, args.min_speech_ms)
    _check(wanted)

    async def find(uri: str, recording: Recording) -> None:
        async with connect_to(uri) as connection:
            await connection.send(wanted)
            edges = await ask_about(connection, recording.path, _read_segments(connection))
        segments = [(start / 1000, min(end / 1000, recording.seconds)) for start, end in edges]
        output.record(
            file=str(recording.path),
            seconds=round(recording.seconds, 3),
            segments=[{"start": start, "end": round(end, 3)} for start, end in segments],
        )
        before = f"{recording.path}: " if len(args.files) > 1 else ""
        for start, end in segments:
            output.line(f"{before}{start:.2f} to {end:.2f} s")
        if not segments:
            output.line(f"{before}nobody speaks", "dim")

    return await for_each(args.files, "vad", args, output, check=open_recording, work=find)


def _check(wanted: DetectVoice) -> None:
    if wanted.threshold is not None and not 0 <= wanted.threshold <= 1:
        raise UsageError(f"--threshold takes a number from 0 to 1, not {wanted.threshold:g}")
    for option, value in (("--min-speech-ms", wanted.min_speech_ms), ("--min-silence-ms", wanted.min_silence_ms)):
        if value is not None and value < 0:
            raise UsageError(f"{option} takes milliseconds, not {value}")


async def _read_segments(connection: Connection) -> list[tuple[int, int]]:
    """Return beginning and end of each stretch, in milliseconds; the server sends audio-stop back at the end."""
    segments: list[tuple[int, int]] = []
    start: int | None = None
    while not AudioStop.is_type((event := await answer(connection)).type):
        if VoiceStarted.is_type(event.type):
            start = Fields(event.type, event.data).whole("timestamp")
        elif VoiceStopped.is_type(event.type) and start is not None:
            segments.append((start, Fields(event.type, event.data).whole("timestamp")))
            start = None
    return segments
