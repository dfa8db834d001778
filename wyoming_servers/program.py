"""A server as a program: options, logging, loading, listening, advertising, and a stop that always ends."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from wyoming.info import Attribution

from models.engine import EngineError

from .advertise import advertise
from .service import Client, Service, Session
from .wire import Info, Limits, WireError
from .wire.options import Parser, default_data_dir, version

_LOGGER = logging.getLogger(__name__)

_STOP_S = 4.8
"""The kernel ends us if stopping takes longer: whoever sent SIGTERM is promised an end within 5 s."""

OURS: Final = Attribution(name="Hearth", url="https://pypi.org/project/wyoming-hearth/")

Opened = AbstractAsyncContextManager[tuple[Info, Callable[[Client], Session]]]


@dataclass(frozen=True)
class Job:
    """What one kind of server adds to the common program."""

    name: str
    """vad, asr, handle, tts or image"""

    port: int
    """The default one"""

    description: str
    """For `--help`"""

    add_options: Callable[[ArgumentParser], None]
    """Adds the options that only this server has."""

    open: Callable[[Namespace], Opened]
    """Loads and warms the engine; what it yields serves until the block ends. Raises `EngineError`."""


def main(job: Job, argv: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; return its exit status: 0 stopped, 1 failed, 2 (raised) wrong options."""
    args = _parser(job).parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if args.debug else "%(levelname)s %(message)s",
    )
    _raise_file_limit()
    try:
        asyncio.run(_serve(job, args))
    except (EngineError, WireError) as error:
        return _fail(job, str(error))
    except OSError as error:
        return _fail(job, f"{args.uri}: {error.strerror or error}; is another server there? Choose another with --uri")
    return 0


def _parser(job: Job) -> Parser:
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
    parser.add_argument("--debug", action="store_true", help="log every request")
    parser.add_argument("--version", action="version", version=version())
    limits = parser.add_argument_group("limits", "how much one peer may ask for")
    for field in fields(Limits):
        kind = float if field.name.endswith("_s") else int
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
    limits = Limits(**{field.name: getattr(args, f"limit_{field.name}") for field in fields(Limits)})
    try:
        async with AsyncExitStack() as stack:
            info, session = await stack.enter_async_context(job.open(args))
            uri = await stack.enter_async_context(Service(info, session, limits=limits).listen(args.uri))
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
            _LOGGER.info("%s is ready at %s", job.name, uri)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not stopping:
            raise
    _LOGGER.info("%s has stopped", job.name)


def _raise_file_limit() -> None:
    """Take as many file descriptors as we may: connections that are being refused need one each for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _fail(job: Job, text: str) -> int:
    sys.stderr.write(f"wyoming_servers.{job.name}: {text}\n")
    return 1
