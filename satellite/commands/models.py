"""Tell which engine does which job on this machine, and why.

With --json: {"job", "engine", "kind", "version", "installed", "auto", "why"}; `auto` is true where `auto` takes it.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .common import Output, add_common_options
from .engines import ENGINES, Engine


def add_options(parser: ArgumentParser) -> None:
    """Add what every command takes."""
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """List the engines."""
    output = Output(json=args.json)
    for engine in ENGINES:
        output.record(
            job=engine.job,
            engine=engine.name,
            kind=engine.kind,
            version=engine.version,
            installed=not engine.missing,
            auto=not engine.missing,
            why=_why(engine),
        )
    rows = [(engine.job, engine.name, engine.kind, engine.version or "none", _why(engine)) for engine in ENGINES]
    output.table(("job", "engine", "kind", "version", "auto"), rows)
    return 0


def _why(engine: Engine) -> str:
    if engine.missing:
        return f"not taken, {', '.join(engine.missing)} is missing: {engine.remedy}"
    if engine.job == "vad":
        return "taken: the only engine for this job; it is a neural one already"
    return "taken: the only engine for this job so far; neural ones are not here yet"
