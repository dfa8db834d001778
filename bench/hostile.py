"""Everything that should not be sent to a server, sent to all six, while another client asks for `describe`.

Rows of bad input one after the other, each of which has to end in an `error` event, a close or a timely answer; then
events with mistakes in them, from a seed. No server may log an unexpected error, keep memory, or keep others waiting.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.conversations import conversations, converse
from bench.fuzz import Done, fuzz
from bench.processes import memory_mb
from bench.report import BenchError, Report, percentile, progress
from bench.rows import Row, RowError, crowd, patience, rows, silence
from bench.servers import JOBS, Running, serving
from wyoming_servers.wire import WireError, connect_to

DESCRIBE_MS = 100.0
MEMORY_MB = 50.0

_ROW_S = 60.0
_WATCH_S = 1.0
_STREAMS = 12
"""Connections to each server that send events with mistakes in them."""

_SETTLE_S = 2.0


def add_options(parser: ArgumentParser) -> None:
    """Add how much of it."""
    parser.add_argument("--events", type=int, default=100_000, help="with mistakes in them (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mistakes (%(default)s)")
    parser.add_argument("--silence-s", type=float, default=20.0, help="of sending an hour of silence (%(default)s)")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS, help="servers to attack (all six)")
    parser.add_argument("--quick", action="store_true", help="leave out the rows that take long")


async def run(args: Namespace) -> Report:
    """Attack, and look what became of the servers."""
    _take_files()
    report = Report("hostile")
    with tempfile.TemporaryDirectory() as folder:
        async with serving(args.jobs, Path(folder)) as servers:
            await _all_well(servers, "before")
            async with _watched(servers) as watched:
                failures = await _rows(servers, quick=args.quick, silence_s=args.silence_s)
                done = await _fuzz(servers, args.events, args.seed)
                await asyncio.sleep(_SETTLE_S)
            failures += await _all_well(servers, "after")
            _tell(report, servers, watched, done)
        troubles = {job: server.troubles() for job, server in servers.items()}
    for failure in failures:
        progress(failure)
    for job, messages in troubles.items():
        for message, times in Counter(messages).most_common(3):
            progress(f"{job} logged, {times} times: {message}")
    report.add("rows_failed", len(failures), at_most=0, note="rows that did not end as they have to")
    report.add("unhandled", sum(map(len, troubles.values())), at_most=0, note="tracebacks in the servers' logs")
    return report


class _Watched:
    """What was seen of the servers meanwhile."""

    def __init__(self, servers: dict[str, Running]) -> None:
        self.before = {job: memory_mb(server.process.pid) for job, server in servers.items()}
        self.peak = dict(self.before)
        self.after = dict(self.before)
        self.times: dict[str, list[float | None]] = {}

    def look(self, servers: dict[str, Running]) -> None:
        for job, server in servers.items():
            if server.process.returncode is None:
                self.after[job] = memory_mb(server.process.pid)
                self.peak[job] = max(self.peak[job], self.after[job])


@asynccontextmanager
async def _watched(servers: dict[str, Running]) -> AsyncIterator[_Watched]:
    """Let another client, in a process of its own, ask for `describe` for the length of a block, and watch memory."""
    watched = _Watched(servers)
    uris = {server.uri: job for job, server in servers.items()}
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bench.describes", "10", *uris),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )

    async def look() -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            watched.look(servers)

    looking = asyncio.create_task(look())
    niceness = os.nice(0)
    os.setpriority(os.PRIO_PROCESS, 0, niceness + 5)  # we stand for many machines; the servers need theirs
    try:
        yield watched
        watched.look(servers)
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
        looking.cancel()
        said, _ = await other.communicate(b"")  # which ends its input
    if not said:
        raise BenchError("the client that asks for `describe` has failed")
    watched.times = {uris[uri]: times for uri, times in json.loads(said).items()}


async def _rows(servers: dict[str, Running], *, quick: bool, silence_s: float) -> list[str]:
    """Do all rows; return what went wrong."""
    failures: list[str] = []

    async def one(row: Row, job: str) -> None:
        try:
            async with asyncio.timeout(_ROW_S):
                await row.test(servers[job].uri)
        except TimeoutError:
            failures.append(f"{row.name}: {job}: not over after {_ROW_S:g} s")
        except (RowError, WireError, OSError) as error:
            failures.append(f"{row.name}: {job}: {error}")

    async def each(row: Row) -> None:
        await asyncio.gather(*(one(row, job) for job in row.jobs if job in servers))

    known = rows()
    progress(f"{len(known)} rows of bad input")
    for row in known:
        await each(row)
    if not quick:
        for row in crowd():
            progress(f"{row.name}, at one server after the other")
            for job in servers:
                await one(row, job)
        slow = [*patience(), *silence(silence_s)]
        progress(f"{len(slow)} rows of patience")
        await asyncio.gather(*(each(row) for row in slow))
    return failures


async def _fuzz(servers: dict[str, Running], events: int, seed: int) -> dict[str, Done]:
    progress(f"{events} events with mistakes in them")
    done = {job: Done() for job in servers}
    share = -(-events // len(servers))

    async def attack(job: str, number: int) -> None:
        began = time.monotonic()
        seeds = (seed * 1000 + number * 10 + stream for stream in range(_STREAMS))
        await asyncio.gather(*(fuzz(job, servers[job].uri, share, one, done[job]) for one in seeds))
        progress(f"{job}: {done[job].events} in {time.monotonic() - began:.0f} s")

    await asyncio.gather(*(attack(job, number) for number, job in enumerate(servers)))
    return done


async def _all_well(servers: dict[str, Running], when: str) -> list[str]:
    """Have every conversation as it should be; return what went wrong."""
    failures = []
    for job, server in servers.items():
        try:
            async with connect_to(server.uri) as connection:
                for conversation in conversations(job):
                    await converse(connection, conversation)
        except WireError as error:
            failures.append(f"a good conversation {when}: {job}: {error}")
    return failures


def _tell(report: Report, servers: Iterable[str], watched: _Watched, done: dict[str, Done]) -> None:
    grown = {job: watched.peak[job] - watched.before[job] for job in servers}
    slowest = {
        job: percentile([float("inf") if time is None else time for time in times], 0.99)
        for job, times in watched.times.items()
    }
    report.explain(
        "what became of each server",
        ["server", "MB before", "at most", "after", "describes", "unanswered", "p99 ms", "fuzzed", "errors", "ended",
         "silent"],
        [
            [
                *(job, *(f"{sizes[job]:.0f}" for sizes in (watched.before, watched.peak, watched.after))),
                *(str(len(watched.times[job])), str(watched.times[job].count(None)), f"{slowest[job]:.1f}"),
                *(str(done[job].events), str(done[job].errors), str(done[job].closed), str(done[job].unanswered)),
            ]
            for job in servers
        ],
    )  # fmt: skip
    report.add(
        "describe_p99_ms", max(slowest.values()), at_most=DESCRIBE_MS, note="of another client, the worst server"
    )
    report.add("memory_growth_mb", max(grown.values()), at_most=MEMORY_MB, note="at any moment, the worst server")
    report.add("fuzzed_events", sum(one.events for one in done.values()), note="with mistakes in them")
    report.add(
        "silent", sum(one.unanswered for one in done.values()), at_most=0, note="left without an answer or an end"
    )


def _take_files() -> None:
    """Take as many file descriptors as we may: idle sockets need one each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
