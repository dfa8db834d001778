"""Turns with a client that behaves like Home Assistant, of which each is cut off at a random moment.

It connects, runs the satellite, describes it, pings every 2 s, hangs up after 5 s of quiet, and hears the wake word
itself. Of ten connections seven are closed, two reset, and one is left open in silence, as when a host is switched off.
Afterwards the files that the satellite has spoken are looked at: every answer is a tone of its own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.assistant import TTS_RATE, home_assistant, tone
from bench.conversations import speak
from bench.processes import memory_mb
from bench.report import BenchError, Report, percentile, progress
from wyoming_servers.wire import ConnectionLost, describe
from wyoming_servers.wire.audio import read_wav, write_wav
from wyoming_servers.wire.options import whole

SPEED = 5
"""Times as fast as live the microphone is."""

_ANSWER_TONE_S = 0.3
_READY_S = 20.0
_STUCK_S = 15.0
_LONGEST_CUT_S = 2.0
"""A turn takes about 1.2 s."""

_UNCUT_S = 1.8
"""Turns that would be cut later are waited for to their end."""

_WARM_TURNS = 20
_MICROPHONE = """
import sys, time
pcm = open(sys.argv[1], "rb").read()[44:]
began, sent = time.monotonic(), 0
while True:
    place = sent % (len(pcm) // 640 * 640)
    sys.stdout.buffer.write(pcm[place : place + 640]); sys.stdout.buffer.flush()
    sent += 640
    time.sleep(max(0, began + sent / 32000 / float(sys.argv[2]) - time.monotonic()))
"""


def add_options(parser: ArgumentParser) -> None:
    """Add how much of it there is."""
    parser.add_argument("--turns", type=whole(1, 500), default=200, help="how many (%(default)s)")
    parser.add_argument("--seed", type=whole(0, 2**31), default=1, help="of the random moments (%(default)s)")


@dataclass
class Outcome:
    """What happened in all turns."""

    ends: Counter[str] = field(default_factory=Counter)
    """Turns by the stage in which they were cut off, or "whole"."""

    stuck: list[str] = field(default_factory=list)
    again_s: list[float] = field(default_factory=list)
    """From connecting to being asked to run a pipeline."""

    sent: list[int] = field(default_factory=list)
    """Numbers of the answers, each a tone of its own."""

    too_often_played: int = 0
    """More `played` than answers."""

    memory: list[float] = field(default_factory=list)
    """MB after each turn."""

    heard: Counter[int] = field(default_factory=Counter)
    """How often each answer was spoken."""


async def run(args: Namespace) -> Report:
    """Run it all."""
    report = Report("home-assistant")
    outcome = await converse(args.turns, args.seed)
    warm = outcome.memory[min(_WARM_TURNS, len(outcome.memory) - 1)]
    stages = ", ".join(f"{stage} {count}" for stage, count in outcome.ends.most_common())
    report.add("turns", args.turns, note=f"cut off in: {stages}")
    report.add("stuck", len(outcome.stuck), at_most=0, note="; ".join(outcome.stuck[:3]))
    report.add("answered_twice", sum(count > 1 for count in outcome.heard.values()), at_most=0)
    report.add("heard_though_never_sent", len(outcome.heard.keys() - set(outcome.sent)), at_most=0)
    report.add("played_too_often", outcome.too_often_played, at_most=0)
    report.add("memory_mb", outcome.memory[-1], at_most=80)
    report.add("memory_growth_mb", outcome.memory[-1] - warm, at_most=5, note=f"since turn {_WARM_TURNS}")
    report.add("again_s_p95", percentile(outcome.again_s, 0.95), note="from connecting to the next run-pipeline")
    return report


async def converse(turns: int, seed: int) -> Outcome:
    """Have so many turns with a satellite in a process of its own; raise `BenchError` where it does not start."""
    chance = random.Random(seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        async with _satellite(folder) as (process, uri), AsyncExitStack() as left_open:
            for number in range(turns):
                await _turn(uri, chance, outcome, left_open)
                outcome.memory.append(await asyncio.to_thread(memory_mb, process.pid))
                if number % 25 == 24:
                    progress(f"{number + 1} turns")
            await asyncio.sleep(1)
            if process.returncode is not None:
                raise BenchError(f"the satellite has ended with status {process.returncode}")
        outcome.heard = Counter(await asyncio.to_thread(_spoken, folder / "spoken"))
    return outcome


async def _turn(uri: str, chance: random.Random, outcome: Outcome, left_open: AsyncExitStack) -> None:
    """Have one turn, up to a random moment."""
    before = len(outcome.sent)

    def answer(_: bytes) -> tuple[str, str]:
        outcome.sent.append(len(outcome.sent))
        return "what time is it", str(outcome.sent[-1])

    began = time.monotonic()
    cut = chance.uniform(0, _LONGEST_CUT_S)
    how = chance.choices(("close", "reset", "silent"), (7, 2, 1))[0]
    connection = AsyncExitStack()
    assistant = await connection.enter_async_context(
        home_assistant(uri, answer, lambda text: tone(_ANSWER_TONE_S, _hertz(int(text))), wakes_s=2.0, hears_s=1.0)
    )
    assistant.thinks_s = 0.2
    try:
        await assistant.until(lambda me: bool(me.runs), _STUCK_S)
        outcome.again_s.append(time.monotonic() - began)
        with suppress(TimeoutError):
            await assistant.until(lambda me: me.played > 0, cut)
        if cut > _UNCUT_S:
            await assistant.until(lambda me: me.played > 0, _STUCK_S)
    except TimeoutError:
        outcome.stuck.append(f"turn {len(outcome.memory)} in {assistant.doing}")
    outcome.too_often_played += max(0, assistant.played - (len(outcome.sent) - before))
    outcome.ends["whole" if assistant.played else assistant.doing] += 1
    if how == "silent":
        assistant.freeze()
        left_open.push_async_callback(connection.aclose)
        return
    if how == "reset":
        assistant.reset()
    await connection.aclose()


@asynccontextmanager
async def _satellite(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run one, whose microphone hears somebody speak without end; raise `BenchError` where it does not start."""
    speech = folder / "speech.wav"
    write_wav(speech, speak("what time is it"), 16_000)
    (folder / "microphone.py").write_text(_MICROPHONE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    options = {
        "--uri": uri,
        "--mic-command": f"{sys.executable} -P {folder / 'microphone.py'} {speech} {SPEED}",
        "--snd-folder": folder / "spoken",
        "--data-dir": folder / "data",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "satellite", "--home-assistant", "--no-zeroconf"),
        *(str(part) for option in options.items() for part in option),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,  # it tells of each turn that was cut off
    )
    try:
        await _ready(uri)
        yield process, uri
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(uri: str) -> None:
    until = time.monotonic() + _READY_S
    while True:
        try:
            await describe(uri)
        except ConnectionLost as error:
            if time.monotonic() > until:
                raise BenchError(f"the satellite did not start within {_READY_S:g} s: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return


def _hertz(answer: int) -> float:
    return 300.0 + 8 * answer


def _spoken(folder: Path) -> list[int]:
    """Return the numbers of the answers that were spoken, by their tones; those of less than 50 ms are left out."""
    answers = []
    for path in folder.glob("speech-*.wav"):
        samples = np.frombuffer(read_wav(path, TTS_RATE), "<i2").astype(np.float32)
        if len(samples) >= TTS_RATE // 20:
            strengths = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), TTS_RATE))  # in steps of 1 Hz
            answers.append(round((int(strengths.argmax()) - _hertz(0)) / (_hertz(1) - _hertz(0))))
    return answers
