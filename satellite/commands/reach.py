"""A server to ask: the one named by `--uri`, one that is found, or one started for the moment."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from wyoming_servers.wire import WireError, describe

from .common import PORTS, CommandError, UsageError, add_common_options, tell

_FIND_S = 1.0
"""Those of this machine answer within 0.2 s, those of the network a little later; each way to find one may take it."""

_START_S = 120.0
"""The first start may have to build caches."""

_PASSED_ON = ("engine", "model", "voices")
"""Options of the commands that are those of the server which they start."""


def add_reach_options(parser: ArgumentParser) -> None:
    """Add `--uri` and what every command takes."""
    parser.add_argument(
        "--uri",
        help="the server to ask, tcp://HOST:PORT or unix:///PATH (one that is found, else one started for the moment)",
    )
    parser.add_argument("--engine", metavar="NAME", help="start a server with this engine for the moment, and ask that")
    parser.add_argument("--model", metavar="NAME|PATH", help="the same with this model")
    add_common_options(parser)


@asynccontextmanager
async def reach(job: str, args: Namespace) -> AsyncIterator[str]:
    """Yield the URI of a server that does `job`, and stop it in the end where we started it.

    Raises `CommandError` where `--uri` does something else, `WireError` where it does not answer, `SupervisorError`
    where a server cannot be started.
    """
    wanted = [f"--{name}={value}" for name in _PASSED_ON if (value := getattr(args, name, None)) is not None]
    if wanted and args.uri is not None:
        raise UsageError(f"{wanted[0]} starts a server, and --uri names one: give one of them")
    if args.uri is not None:
        jobs = (await describe(args.uri)).jobs
        if job not in jobs:
            raise CommandError(f"{args.uri} does {', '.join(jobs) or 'nothing'}, not {job}")
        yield args.uri
    elif not wanted and (found := await _find(job, args.data_dir)) is not None:
        yield found
    else:
        tell(f"starting a server of the job {job} for the moment" + (f": {' '.join(wanted)}" if wanted else ""))
        async with _started(job, args, wanted) as uri:
            yield uri


async def _find(job: str, data_dir: Path) -> str | None:
    # At its usual place it needs no announcement, which may be late on a machine that is busy.
    usual = f"tcp://127.0.0.1:{PORTS[job]}"
    with suppress(WireError):
        if job in (await describe(usual, _FIND_S)).jobs:
            return usual
    from satellite.network.servers import NoServer, Servers
    from satellite.network.trust import Trust

    async with Servers(trust=Trust.kept_in(data_dir)) as servers:
        with suppress(NoServer):
            await servers.wait_for([job], _FIND_S)
        candidates = servers.candidates(job)
    return candidates[0].uri if candidates else None


@asynccontextmanager
async def _started(job: str, args: Namespace, options: list[str]) -> AsyncIterator[str]:
    from satellite.services.supervisor import Supervisor, server_program

    with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
        # A socket of our own, because nobody else shall come to rely on a server that is gone in a moment.
        program = server_program(job, f"unix://{folder}/{job}", ["--data-dir", str(args.data_dir), *options])
        log = None if args.debug else lambda _job, _line: None
        async with Supervisor([program], output=log, restart=False) as supervisor:
            await supervisor.ready(_START_S)
            yield program.uri
