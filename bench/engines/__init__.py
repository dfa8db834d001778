"""Neural engines through our servers, each against what a user would pick instead, in one run with the same weights.

The weights are stand-ins of real size with random values, which script/standins makes: times and memory are those of
the real models, what they say means nothing.
"""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.report import BenchError, Report, progress

PARTS = ("whisper", "llama", "kokoro", "image", "vad")

ROOT = Path(__file__).parents[2]


def add_options(parser: ArgumentParser) -> None:
    """Add which ones."""
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="engines to measure (all of them)")


async def run(args: Namespace) -> Report:
    """Measure one after the other: they need the whole machine."""
    report = Report("engines")
    for name in args.only:
        progress(f"{name}: measuring")
        await importlib.import_module(f"bench.engines.{name}").measure(report, args)
    return report


def standin(name: str) -> Path:
    """Return where the stand-in `name` lies; raise `BenchError`, saying how to get it, where it does not."""
    path = ROOT / ".standins" / name
    if not path.exists():
        raise BenchError(f"no {path.relative_to(ROOT)}: script/standins makes it")
    return path
