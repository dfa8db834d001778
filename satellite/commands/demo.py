"""Show that all works: five servers as processes, found by zeroconf, and five spoken questions, answered aloud.

The questions are spoken by the tts server, or recorded: --questions takes a folder with time.wav ("What time is it?"),
timer.wav ("Set a timer for five minutes."), light.wav ("Turn on the lights in the office."), look.wav ("What do you
see?") and nonsense.wav (anything that the house should not understand). They are played into the satellite at live
speed, and its camera is shown a drawn figure, or --picture. The answers are kept as WAV files.

Times are milliseconds after the true end of speech: the last 10 ms of the question within 40 dB of its loudest. With
--json, a line a turn: {"heard", "intent", "reply", "wav", "stages": {name: [began, ended]}, "first_sound_ms", "ok"};
`intent` is null where the house did not understand. Exit status 0 only if every turn came out right.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path

from wyoming.tts import Synthesize

from camera.camera import Camera
from camera.figure import draw_figure
from camera.source import Picture, load_cv2
from satellite.report import TurnReport
from satellite.services.rehearsal import Asked, Rehearsal, own_servers, rehearse
from satellite.sound.loudness import audible_edges
from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import RATE, read_wav

from .common import CommandError, Output, add_common_options, tell, warn
from .look import classify, read_picture
from .questions import QUESTIONS, Outcome, Question
from .say import spoken
from .teller import decision, stage_times
from .timeline import timeline


def add_options(parser: ArgumentParser) -> None:
    """Add what is asked, what is shown, and where the answers go."""
    parser.add_argument("--questions", type=Path, metavar="DIR", help="recordings of the questions (spoken by tts)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="what the camera sees (a drawn figure)")
    parser.add_argument(
        "--output", type=Path, default=Path("demo-answers"), metavar="DIR", help="folder for the answers (%(default)s)"
    )
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """Ask all questions; return 0 where every answer is right."""
    began = time.monotonic()
    for name in [name for name in os.environ if name.startswith("HEARTH_")]:
        del os.environ[name]  # the servers shall run as shipped, whatever this house has set for its own
    recordings = {} if args.questions is None else await asyncio.to_thread(_read_recordings, args.questions)
    picture = await asyncio.to_thread(_picture, args.picture)
    await asyncio.to_thread(_make_folder, args.output)
    output = Output(json=args.json)
    tell("starting the servers")
    with tempfile.TemporaryDirectory(prefix="hearth-demo-") as folder:
        shown = Path(folder) / "shown.png"
        load_cv2().imwrite(str(shown), picture)
        log = None if args.debug else warn
        async with own_servers(args.data_dir, output=log) as servers:
            tell(f"found all five by zeroconf after {time.monotonic() - began:.1f} s")
            if not recordings:
                recordings = {
                    question.key: await spoken(servers.uris["tts"], Synthesize(question.text)) for question in QUESTIONS
                }
            names = [label.name for label in await classify(servers.uris["image"], picture)]
            async with rehearse(servers, args.output, camera=Camera(str(shown))) as rehearsal:
                demo = _Demo(rehearsal, names, output)
                right = [
                    await demo.ask(number, question, recordings[question.key])
                    for number, question in enumerate(QUESTIONS, 1)
                ]
    seconds = time.monotonic() - began
    output.line(
        f"{sum(right)} of {len(right)} turns came out right, in {seconds:.0f} s; the answers are in {args.output}",
        "bold green" if all(right) else "bold red",
    )
    return 0 if all(right) else 1


class _Demo:
    """Asks, and prints what became of it."""

    def __init__(self, rehearsal: Rehearsal, shown: list[str], output: Output) -> None:
        self._rehearsal = rehearsal
        self._shown = shown
        self._output = output

    async def ask(self, number: int, question: Question, pcm: bytes) -> bool:
        """Return whether the answer is right."""
        self._output.line(f"{number}. {question.text}", "bold")
        started = datetime.now()
        asked = await self._rehearsal.ask(pcm, f"{number}-{question.key}")
        fault = _fault(question, asked, started, self._shown)
        report = asked.report or TurnReport()
        stages = stage_times(report, asked.times.speech_ended)
        self._output.record(
            heard=report.heard,
            intent=report.intent,
            reply=report.reply,
            wav=None if report.wav is None else str(report.wav),
            stages=stages,
            first_sound_ms=asked.first_sound_ms,
            ok=fault is None,
        )
        self._output.line(f"   heard    {report.heard or '(nothing that the house understands)'}")
        self._output.line(f"   decided  {decision(report)}")
        self._output.line(f"   said     {report.reply}  ({report.wav})")
        for line in timeline(stages):
            self._output.line(f"   {line}", "dim")
        self._output.line(f"   first sound {asked.first_sound_ms} ms after the end of speech")
        if fault is not None:
            tell(f"'{question.text}' did not come out right: {fault}")
        return fault is None


def _fault(question: Question, asked: Asked, started: datetime, shown: list[str]) -> str | None:
    report = asked.report
    if report is None:
        return "nobody noticed that somebody spoke, or the answer never ended"
    if report.error or report.apology:
        return report.error or f"nobody could do {report.apology}: {'; '.join(report.failures)}"
    if report.wav is None or asked.first_sound_ms is None:
        return "no answer was heard"
    timers = [action["data"]["seconds"] for action in report.actions if action["name"] == "timer-set"]
    return question.fault(Outcome(report.intent, report.reply, started, datetime.now(), timers, shown))


def _read_recordings(folder: Path) -> dict[str, bytes]:
    """Return the sound of each question; raise `CommandError` where one is missing, no sound, or silent."""
    if not folder.is_dir():
        raise CommandError(f"{folder}: no such folder; --questions takes one with {_file_names()}")
    missing = [question.key for question in QUESTIONS if not (folder / f"{question.key}.wav").is_file()]
    if missing:
        raise CommandError(f"{folder}: there is no {missing[0]}.wav; --questions takes a folder with {_file_names()}")
    try:
        recordings = {question.key: read_wav(folder / f"{question.key}.wav") for question in QUESTIONS}
    except UnsupportedAudio as error:
        raise CommandError(error.text) from error
    for key, pcm in recordings.items():
        if audible_edges(pcm, RATE) is None:
            raise CommandError(f"{folder / key}.wav: there is nothing to be heard in it")
    return recordings


def _picture(path: Path | None) -> Picture:
    if path is None:
        return draw_figure()
    try:
        return read_picture(path)
    except CommandError as error:
        raise CommandError(f"{path}: {error}") from error


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{path}: the folder cannot be made: {error.strerror}") from error


def _file_names() -> str:
    return ", ".join(f"{question.key}.wav" for question in QUESTIONS)
