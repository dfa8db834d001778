"""How soon a server answers `describe`, on a new connection, while it works flat out."""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from bench.describes import keep_asking
from bench.report import BenchError, Report, percentile, progress
from bench.servers import JOBS, Running, serving

BOUND_MS = 50.0

_UNITS = {"handle": "sentences", "image": "pictures"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One server under load."""

    times_ms: list[float]
    failed: int
    work: str
    """A second, for people."""

    @property
    def p99_ms(self) -> float:
        """The 99th percentile; what was never answered counts as for ever."""
        return percentile([*self.times_ms, *[float("inf")] * self.failed], 0.99)


def add_options(parser: ArgumentParser) -> None:
    """Add how long and how hard."""
    parser.add_argument("--seconds", type=float, default=10.0, help="of load for each server (%(default)s)")
    parser.add_argument("--per-second", type=float, default=50.0, help="describes (%(default)s)")
    parser.add_argument("--clients", type=int, default=2, help="processes that ask for work (%(default)s)")
    parser.add_argument("--connections", type=int, default=4, help="of each of them (%(default)s)")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS, help="servers to measure (all six)")
    parser.add_argument("--plain", action="store_true", help="measure a plain wyoming AsyncServer beside each, too")


async def run(args: Namespace) -> Report:
    """Measure one server after the other."""
    report = Report("describe-under-load")
    rows, worst, ratios = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for job in args.jobs:
            progress(f"{job}: {args.seconds:g} s of load")
            async with serving([job], Path(folder)) as servers:
                ours = await _measure(servers[job], args)
            worst.append(ours.p99_ms)
            rows.append([job, *_shown(ours)])
            if args.plain:
                async with serving([job], Path(folder), module="bench.plain") as servers:
                    plain = await _measure(servers[job], args)
                ratios.append(plain.p99_ms / ours.p99_ms)
                rows.append([f"{job}, plain", *_shown(plain)])
    load = f"{args.clients} clients, {args.connections} connections each"
    columns = ["server", "p50 ms", "p99 ms", "longest ms", "unanswered", "work done a second"]
    report.explain(f"describe on new connections, {args.per_second:g} a second; {load}", columns, rows)
    report.add("describe_p99_ms", max(worst), at_most=BOUND_MS, note="p99, the worst of the servers")
    if ratios:
        report.add("plain_ratio", min(ratios), note="p99 of a plain wyoming AsyncServer over ours, the least of them")
    return report


async def _measure(server: Running, args: Namespace) -> Measured:
    loads = [await _load(server, args) for _ in range(args.clients)]
    try:
        for load in loads:
            assert load.stdout is not None
            if await load.stdout.readline() != b"ready\n":
                raise BenchError(f"the load on the {server.job} server does not start")
        await asyncio.sleep(0.5)
        times, failed = await _describes(server.uri, args.seconds - 1.0, args.per_second)
        done = [await load.communicate() for load in loads]
    finally:
        for load in loads:
            if load.returncode is None:
                load.kill()
                await load.wait()
    work = sum(float(output or b"nan") for output, _ in done) / args.seconds
    return Measured(times, failed, f"{work:.1f} {_UNITS.get(server.job, 's of sound')}")


async def _load(server: Running, args: Namespace) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bench.load"),
        *(server.job, server.uri, str(args.connections), str(args.seconds)),
        stdout=asyncio.subprocess.PIPE,
    )


async def _describes(uri: str, seconds: float, per_second: float) -> tuple[list[float], int]:
    """Return the milliseconds that each `describe` took, and how many were not answered."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    times = (await keep_asking([uri], per_second, stop))[uri]
    return [time for time in times if time is not None], times.count(None)


def _shown(measured: Measured) -> list[str]:
    times = measured.times_ms
    return [
        f"{percentile(times, 0.5):.1f}",
        f"{measured.p99_ms:.1f}",
        f"{max(times, default=math.nan):.1f}",
        str(measured.failed),
        measured.work,
    ]
