"""Voice activity of a hundred listeners at once, in a batch and one after the other."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from bench.processes import cpu_seconds
from bench.report import BenchError, Report, percentile
from bench.servers import serving

STREAMS = 100
_SECONDS = 20.0
_CHUNKS = {"64 ms": 1024, "20 ms": 320, "10 ms": 160}
"""Samples a chunk: wyoming-satellite's default, our satellite's, and Home Assistant's."""

_CPU_PERCENT = 50.0
_LATEST_MS = 50.0


async def measure(report: Report, args: Namespace) -> None:  # noqa: ARG001
    """Listen with a hundred live clients that ask for every window, once for each engine and size of chunks."""
    rows = []
    cost, latest = {}, {}
    for engine in ("silero-onnx", "silero"):
        for name, samples in _CHUNKS.items():
            percent, times = await _listen(engine, samples)
            late = [math.inf if time is None else time for time in times]
            rows.append([engine, name, str(len(times)), f"{percent:.1f}", _ms(late, 0.5), _ms(late, 0.99)])
            if engine == "silero-onnx":
                cost[name], latest[name] = percent, percentile(late, 0.99)
    each = ", ".join(f"{percent:.0f} in chunks of {name}" for name, percent in cost.items())
    report.add(
        "vad_100_streams_cpu_percent",
        max(cost.values()),
        at_most=_CPU_PERCENT,
        note=f"of one core; {STREAMS} live streams, every window told; the most of {each}",
    )
    report.add(
        "vad_window_p99_ms",
        max(latest.values()),
        at_most=_LATEST_MS,
        note="from a window's last sample to its probability, at the client; the most of them",
    )
    report.explain(
        f"{STREAMS} live voice activity streams",
        ["engine", "chunks of", "windows", "% of a core", "p50 ms", "p99 ms"],
        rows,
    )


def _ms(late: list[float], share: float) -> str:
    return f"{percentile(late, share):.1f}"


async def _listen(engine: str, chunk_samples: int) -> tuple[float, list[float | None]]:
    """Return the percent of a core that the server takes, and the ms of every window."""
    with tempfile.TemporaryDirectory() as folder:
        # So many of pysilero's listeners need an option; those of the batch do not.
        options = {"vad": ["--engine", engine, "--listeners", str(STREAMS)]}
        async with serving(["vad"], Path(folder), options=options) as servers:
            server = servers["vad"]
            client = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "bench.listeners"),
                *(server.uri, str(STREAMS), str(_SECONDS), str(chunk_samples)),
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 26,
            )
            assert client.stdout is not None
            await client.stdout.readline()
            before = cpu_seconds(server.process.pid)
            await asyncio.sleep(_SECONDS)
            used = cpu_seconds(server.process.pid) - before
            said, _ = await client.communicate()
    if not said:
        raise BenchError("the client that listens has failed")
    return used / _SECONDS * 100, json.loads(said)
