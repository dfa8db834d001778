"""Word error rate of the asr server on recordings of your own.

DIR holds `transcripts.tsv`: a line of headings, then for each recording its path from DIR (a WAV file) and what is said
in it, with a tab between (further columns are passed over). The recordings go through the real asr server, whole, and
the words that it wrote are compared with those that were said: wrong, missing and added ones, over all that were said.

Before that both texts are made alike, since a right word in another spelling is no error: lower case, Unicode's
compatibility forms made plain, whole numbers written out ("25" as "twenty five"), "&" as "and", "mr", "mrs" and "dr"
as words, apostrophes taken out ("don't" as "dont"), and everything else that is no letter or digit a space.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import unicodedata
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from bench.processes import cpu_seconds
from bench.report import BenchError, Report, progress
from bench.servers import Running, serving
from models.sentences.numbers import ways_to_say
from models.whisper.recognizer import CONTEXTS
from wyoming_servers.wire import UnsupportedAudio, connect_to, expect
from wyoming_servers.wire.audio import RATE, WIDTH, read_wav

_CHUNK = RATE * WIDTH // 10
_ANSWER_S = 120.0

_WRITTEN_OUT = {"mr": "mister", "mrs": "missus", "dr": "doctor"}
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc]")
_WORD = re.compile(r"[^\W_]+")
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what is said in it."""

    name: str
    pcm: bytes
    said: list[str]


def add_options(parser: ArgumentParser) -> None:
    """Add which recordings, and what writes them down."""
    parser.add_argument("dir", metavar="DIR", type=Path, help="recordings and transcripts.tsv")
    parser.add_argument("--engine", default="auto", help="of the asr server (%(default)s)")
    parser.add_argument("--model", help="a name of `hearth models list`, or a path")
    parser.add_argument("--language", default="en", help="that is spoken (%(default)s)")
    parser.add_argument(
        "--context",
        nargs="+",
        choices=CONTEXTS,
        default=["auto"],
        help="of Whisper: `auto full` tells what the short window costs (auto)",
    )
    parser.add_argument("--wrong", action="store_true", help="list the recordings that did not come out right")


async def run(args: Namespace) -> Report:
    """Measure."""
    clips = await asyncio.to_thread(read_clips, args.dir, args.language)
    seconds = sum(len(clip.pcm) for clip in clips) / (RATE * WIDTH)
    words = sum(len(clip.said) for clip in clips)
    progress(f"{len(clips)} recordings, {seconds:.0f} s, {words} words")
    report = Report("wer")
    for context in args.context:
        options = ["--external-vad", "--context", context, *(["--model", args.model] if args.model else [])]
        with tempfile.TemporaryDirectory() as folder:
            async with serving(["asr"], Path(folder), engine=args.engine, options={"asr": options}) as servers:
                before = cpu_seconds(servers["asr"].process.pid)
                wrong, right = await _hear(servers["asr"], clips, args)
                used = cpu_seconds(servers["asr"].process.pid) - before
        name = "" if context == "auto" else f"_{context}"
        report.add(f"wer{name}", wrong / words, note=f"wrong, missing and added words over {words} that were said")
        report.add(f"right{name}", right / len(clips), note=f"of {len(clips)} recordings, every word right")
        report.add(f"rtf{name}", used / seconds, note=f"CPU seconds of the asr server over {seconds:.0f} s of sound")
    return report


def read_clips(folder: Path, language: str) -> list[Clip]:
    """Return what transcripts.tsv in `folder` lists; raise `BenchError` for a line that is not as it should be."""
    path = folder / "transcripts.tsv"
    try:
        lines = path.read_text("utf-8").splitlines()[1:]
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}") from error
    clips = []
    for number, line in enumerate(lines, 2):
        columns = line.split("\t")
        if len(columns) < 2:
            raise BenchError(f"{path}, line {number}: takes a path, a tab, and what is said")
        try:
            pcm = read_wav(folder / columns[0])
        except UnsupportedAudio as error:
            raise BenchError(f"{path}, line {number}: {error}") from error
        clips.append(Clip(columns[0], pcm, plain_words(columns[1], language)))
    if not any(clip.said for clip in clips):
        raise BenchError(f"{path} lists no recording in which something is said")
    return clips


def plain_words(text: str, language: str = "en") -> list[str]:
    """Return the words of `text`, without what may be spelt in several ways (see the module)."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _APOSTROPHES.sub("", text.replace("&", " and "))
    words: list[str] = []
    for word in _WORD.findall(text):
        if word.isdecimal() and len(word) <= _MOST_DIGITS:
            words += ways_to_say(int(word), language)[0].split()
        else:
            words.append(_WRITTEN_OUT.get(word, word))
    return words


def word_errors(said: Sequence[str], written: Sequence[str]) -> int:
    """Return the least number of words to replace, leave out or put in that makes one of the other (Levenshtein)."""
    costs = list(range(len(written) + 1))
    for row, word in enumerate(said, 1):
        before, costs[0] = costs[0], row
        for column, other in enumerate(written, 1):
            cost = min(costs[column] + 1, costs[column - 1] + 1, before + (word != other))
            before, costs[column] = costs[column], cost
    return costs[-1]


async def _hear(server: Running, clips: Sequence[Clip], args: Namespace) -> tuple[int, int]:
    """Return the number of wrong words, and of recordings without one."""
    wrong = right = 0
    for number, clip in enumerate(clips):
        if number % 20 == 0:
            progress(f"{number} of {len(clips)}")
        text = await _transcribe(server.uri, clip.pcm, args.language)
        errors = word_errors(clip.said, plain_words(text, args.language))
        wrong += errors
        right += not errors
        if errors and args.wrong:
            progress(f"{clip.name}: {errors} wrong in '{text}', said was '{' '.join(clip.said)}'")
    return wrong, right


async def _transcribe(uri: str, pcm: bytes, language: str) -> str:
    async with connect_to(uri) as connection:
        await connection.send(Transcribe(language=language), AudioStart(RATE, WIDTH, 1))
        for start in range(0, len(pcm), _CHUNK):
            await connection.send(AudioChunk(RATE, WIDTH, 1, pcm[start : start + _CHUNK]))
        await connection.send(AudioStop())
        return str((await expect(connection, "transcript", _ANSWER_S)).data["text"])
