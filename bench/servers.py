"""Our servers as processes, for benchmarks: started, looked at from outside, and stopped."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT

from bench.report import BenchError
from wyoming_servers.wire.parent import PARENT_VARIABLE

JOBS = ("vad", "wake", "asr", "handle", "tts", "image")

_START_S = 180.0
"""A first start may have to build caches."""

_STOP_S = 6.0

_READY = re.compile(r"is ready at (\S+)")
_MESSAGE = re.compile(r"^(?=[A-Z]+ )", re.MULTILINE)
_TROUBLE = re.compile(r"Traceback \(most recent|unexpected error|never retrieved|never awaited|socket\.send\(\) raised")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs."""

    job: str
    uri: str
    process: asyncio.subprocess.Process
    log: Path

    def troubles(self) -> list[str]:
        """Return the messages of the log, with their tracebacks, that no server should write, and one where it died."""
        found = [message for message in _MESSAGE.split(_said(self.log)) if _TROUBLE.search(message)]
        if self.process.returncode not in (None, 0):
            found.append(f"ended with status {self.process.returncode}")
        return found


@asynccontextmanager
async def serving(
    jobs: Sequence[str],
    folder: Path,
    *,
    engine: str = "embedded",
    options: Mapping[str, Sequence[str]] | None = None,
    module: str = "",
) -> AsyncIterator[dict[str, Running]]:
    """Run servers for `jobs` on free ports of this machine for the length of a block; yields them by job.

    `folder` holds their logs and data; `engine` is what their `--engine` is told, `options` are further ones by job.
    `module` is another program, which takes the job's name first. Raises `BenchError` where one will not start.
    """
    async with AsyncExitStack() as stack:
        started = []
        for job in jobs:
            program = [module, job] if module else [f"wyoming_servers.{job}", "--engine", engine]
            process = _process([*program, *(options or {}).get(job, ())], folder, folder / f"{job}.log")
            started.append((job, await stack.enter_async_context(process), folder / f"{job}.log"))
        uris = await asyncio.gather(*(_ready(*server) for server in started))
        yield {job: Running(job, uri, process, log) for uri, (job, process, log) in zip(uris, started, strict=True)}


@asynccontextmanager
async def _process(program: Sequence[str], folder: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", *program),
            *("--uri", "tcp://127.0.0.1:0", "--data-dir", str(folder / "data")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=STDOUT,
            env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(job: str, process: asyncio.subprocess.Process, log: Path) -> str:
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            while process.returncode is None:
                if ready := _READY.search(_said(log)):
                    return ready[1]
                await asyncio.sleep(0.05)
    last = _said(log).strip().rpartition("\n")[2]
    raise BenchError(f"the {job} server does not start: {last or 'it says nothing'}")


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
