"""A satellite that waits for its wake word: memory and CPU of its process and all that it started.

It hears the noise of a quiet room through --mic-command, at live speed; its camera is off. With --servers the house's
servers run beside it, are found by it, and are not counted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import numpy as np

from bench.processes import cpu_seconds, memory_mb
from bench.report import BenchError, Report, progress
from satellite.services.rehearsal import own_servers
from wyoming_servers.wire.audio import RATE
from wyoming_servers.wire.options import whole
from wyoming_servers.wire.parent import PARENT_VARIABLE

_CHUNK_S = 0.02
_NOISE = 40.0
"""Standard deviation of the samples: a quiet room, some 58 dB below full scale."""

_START_S = 20.0
"""Then it has found what it uses, and has come to rest."""

_STOP_S = 5.0


def add_options(parser: ArgumentParser) -> None:
    """Add how long, and with what."""
    parser.add_argument("--seconds", type=whole(5, 3600), default=40, help="that are measured (%(default)s)")
    parser.add_argument("--wake-word", action="append", default=[], metavar="NAME", help="may be repeated (okay_nabu)")
    parser.add_argument("--servers", action="store_true", help="run the house's servers beside it")


async def run(args: Namespace) -> Report:
    """Measure."""
    words = args.wake_word or ["okay_nabu"]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if args.servers:
            progress("starting the servers")
            await stack.enter_async_context(own_servers(folder))
        process = await stack.enter_async_context(_satellite(folder, words))
        await asyncio.sleep(_START_S)
        progress(f"measuring for {args.seconds} s")
        began, before = time.monotonic(), cpu_seconds(process.pid)
        most = 0.0
        while time.monotonic() < began + args.seconds:
            await asyncio.sleep(1)
            if process.returncode is not None:
                raise BenchError(f"the satellite ended with status {process.returncode}")
            most = max(most, memory_mb(process.pid))
        share = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    report = Report("idle")
    beside = "the house's servers beside it" if args.servers else "no servers"
    report.add("rss_mb", most, at_most=80, note=f"satellite and microphone command, {', '.join(words)}, {beside}")
    report.add("cpu_percent", share * 100, at_most=3, note=f"of one core, over {args.seconds} s")
    return report


@asynccontextmanager
async def _satellite(folder: Path, words: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a satellite in a room; it hears noise as long as the block lasts."""
    sound = folder / "microphone"
    os.mkfifo(sound)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "satellite", "--data-dir", str(folder)),
        *("--mic-command", f"cat {sound}", "--snd-command", "cat"),
        *(f"--wake-word={word}" for word in words),
        stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
    )
    room = asyncio.create_task(_room(sound))
    try:
        yield process
    finally:
        room.cancel()
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.wait([room])


async def _room(sound: Path) -> None:
    """Write noise into the pipe `sound` at live speed, once somebody reads it."""
    noise = np.random.default_rng(0).normal(0, _NOISE, RATE * 10).astype("<i2").tobytes()
    size = round(RATE * _CHUNK_S) * 2
    pipe = None
    while pipe is None:
        with suppress(OSError):  # nobody reads it so far
            pipe = os.open(sound, os.O_WRONLY | os.O_NONBLOCK)
        await asyncio.sleep(0.05)
    due = time.monotonic()
    try:
        for place in range(0, sys.maxsize, size):
            at = place % (len(noise) - size)
            with suppress(BlockingIOError):
                os.write(pipe, noise[at : at + size])
            due += _CHUNK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    except BrokenPipeError:
        pass  # the satellite has gone, which is seen elsewhere
    finally:
        os.close(pipe)
