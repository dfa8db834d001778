"""A server as a program: options, logging, loading, listening, advertising, and a stop that always ends."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import resource
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from wyoming.info import Attribution

from models.engine import EngineError, EngineUnavailable
from wyoming_servers.advertise import AdvertiseError, advertise
from wyoming_servers.service import Client, Service, Session
from wyoming_servers.wire import Info, Limits, WireError, parse_uri
from wyoming_servers.wire.health import Health, add_http_option, serve_health
from wyoming_servers.wire.loop import run, settle
from wyoming_servers.wire.options import Parser, default_data_dir, version
from wyoming_servers.wire.parent import follow_parent
from wyoming_servers.workers import problems

_LOGGER = logging.getLogger(__name__)

_STOP_S = 4.8
"""The kernel ends us if stopping takes longer: whoever sent SIGTERM is promised an end within 5 s."""

_OTHER_FILES = 48
"""File descriptors for all but the connections with a place: workers, multicast, peers that are being refused."""

_QUIET_FILES = 16
"""The least for connections that have said nothing yet: with fewer, those who come at once push each other out."""

OURS: Final = Attribution(name="Hearth", url="")

Opened = AbstractAsyncContextManager[tuple[Info, Callable[[Client], Session]]]


@dataclass(frozen=True)
class Job:
    """What one kind of server adds to the common program."""

    name: str
    """vad, wake, asr, handle, tts or image"""

    port: int
    """The default one"""

    description: str
    """For `--help`"""

    add_options: Callable[[ArgumentParser], None]
    """Adds the options that only this server has."""

    open: Callable[[Namespace], Opened]
    """Loads and warms the engine; what it yields serves until the block ends. Raises `EngineError`."""


def main(job: Job, argv: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; return its exit status: 0 stopped, 1 failed, 2 wrong options."""
    follow_parent()
    args = parser(job).parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if args.debug else "%(levelname)s %(message)s",
    )
    try:
        run(_serve(job, args))
    except (EngineError, WireError, AdvertiseError, OSError) as error:
        sys.stderr.write(f"wyoming_servers.{job.name}: {error}\n")
        # What is not installed or not pulled is not there the next time either: who restarts servers shall not.
        return 2 if isinstance(error, EngineUnavailable) else 1
    return 0


def parser(job: Job) -> Parser:
    """Return what reads the server's options."""
    parser = Parser(prog=f"wyoming_servers.{job.name}", description=job.description)
    parser.add_argument(
        "--uri",
        default=f"tcp://127.0.0.1:{job.port}",
        help="where to listen: tcp://HOST:PORT or unix:///PATH (%(default)s)",
    )
    parser.add_argument(
        "--zeroconf", nargs="?", const="", metavar="NAME", help="advertise by zeroconf, under NAME if there is one"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=default_data_dir(),
        help="folder for caches and this machine's id (%(default)s)",
    )
    add_http_option(parser)
    parser.add_argument("--debug", action="store_true", help="log every request")
    parser.add_argument("--version", action="version", version=version())
    limits = parser.add_argument_group("limits", "how much one peer may ask for")
    for field in fields(Limits):
        kind = _seconds if field.name.endswith("_s") else _count
        name = "--limit-" + field.name.replace("_", "-")
        limits.add_argument(name, type=kind, default=field.default, help="%(default)s")
    job.add_options(parser)
    return parser


async def _serve(job: Job, args: Namespace) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping and task is not None:
            stopping = True
            signal.setitimer(signal.ITIMER_REAL, _STOP_S)
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    limits = _fit(Limits(**{field.name: getattr(args, f"limit_{field.name}") for field in fields(Limits)}))
    parse_uri(args.uri)  # a wrong one is told at once, not after the engine was loaded
    try:
        async with AsyncExitStack() as stack:
            info, session = await stack.enter_async_context(job.open(args))
            try:
                uri = await stack.enter_async_context(Service(info, session, limits=limits).listen(args.uri))
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
                raise OSError(f"cannot listen at {args.uri}: {reason}; choose another address with --uri") from error
            if args.zeroconf is not None:
                await stack.enter_async_context(
                    advertise(
                        uri=uri,
                        name=args.zeroconf or None,
                        job=job.name,
                        default_port=job.port,
                        data_dir=args.data_dir,
                        version=version(),
                    )
                )
            await stack.enter_async_context(serve_health(args.http, Health(job.name, [problems])))
            settle()
            _LOGGER.info("%s is ready at %s", job.name, uri)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not stopping:
            raise
    _LOGGER.info("%s has stopped", job.name)


def _fit(limits: Limits) -> Limits:
    """Take as many file descriptors as we may; return the limits with no more connections than that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    most = max(soft, wanted) - _OTHER_FILES
    connections = max(1, min(limits.connections, most - _QUIET_FILES))
    if connections < limits.connections:
        _LOGGER.warning("the system gives %d files, which is enough for %d connections", max(soft, wanted), connections)
    return replace(limits, connections=connections, quiet=max(_QUIET_FILES, min(limits.quiet, most - connections)))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"takes a number of seconds above 0, not '{text}'")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"takes a whole number above 0, not '{text}'")
    return value
