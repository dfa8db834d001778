"""Write down what was said in WAV files, one spoken sentence each.

Prints a line a file; an empty one means that nothing was said that the house understands. With --json:
{"file", "text", "seconds"}, the length of the recording.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from wyoming.asr import Transcribe

from wyoming_servers.wire import Connection, Fields, connect_to, expect

from .common import Output
from .files import for_each
from .reach import add_reach_options
from .recordings import Recording, ask_about, open_recording


def add_options(parser: ArgumentParser) -> None:
    """Add the files."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a WAV file")
    parser.add_argument("--language", help="the language spoken (the server's own)")
    add_reach_options(parser)


async def run(args: Namespace) -> int:
    """Print what was said in each file."""
    output = Output(json=args.json)

    async def write_down(uri: str, recording: Recording) -> None:
        async with connect_to(uri) as connection:
            await connection.send(Transcribe(language=args.language))
            text = await ask_about(connection, recording.path, _read_text(connection))
        output.record(file=str(recording.path), text=text, seconds=round(recording.seconds, 3))
        shown = text or ("(nothing that the house understands)" if output.is_terminal else "")
        output.line(f"{recording.path}: {shown}" if len(args.files) > 1 else shown, "" if text else "dim")

    return await for_each(args.files, "asr", args, output, check=open_recording, work=write_down)


async def _read_text(connection: Connection) -> str:
    event = await expect(connection, "transcript")
    return Fields("transcript", event.data).text("text")
