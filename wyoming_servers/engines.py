"""The engines of a server: which ones its options ask for, and their processes."""

from __future__ import annotations

import asyncio
import logging
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from models.engine import EngineError
from models.engines import Choice, choose, engines_of
from wyoming_servers.loaded import Loaded
from wyoming_servers.process import CALL_S, EngineCrashed
from wyoming_servers.wire import BadValue
from wyoming_servers.workers import Processes

_LOGGER = logging.getLogger(__name__)

FOR_EVER = -1.0
"""`--keep-alive` that never ends a process, as Ollama writes it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a server runs one of its engines."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """What the engine's factory takes besides `model`."""

    count: int = 1
    """Processes."""

    streams: int = 1
    """That one process holds at once."""

    queue: int = 8
    """Requests that may wait for a place."""

    call_s: float = CALL_S
    """A call that takes longer is given up, and its process with it."""


@dataclass(frozen=True, slots=True)
class Running:
    """An engine that runs."""

    choice: Choice
    processes: Processes
    described: dict[str, Any]
    """What it told of itself: its public values, such as `name`, `version` and `languages`."""

    @property
    def name(self) -> str:
        """What clients choose it by: its model's name, or its own."""
        return self.choice.model or str(self.described["name"])


_MODEL_HELP = (
    "model of the catalogue (hearth models list) or file of your own; may be repeated, the first is for who names none"
)


def add_engine_options(parser: ArgumentParser, job: str, *, model_help: str = _MODEL_HELP) -> None:
    """Add `--engine`, `--model` and `--keep-alive`."""
    names = ", ".join(engine.name for engine in engines_of(job))
    parser.add_argument(
        "--engine",
        default="auto",
        metavar="NAME",
        help=f"{names}; embedded, neural, or the neural one where its package and a model are here (%(default)s)",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|PATH",
        help=model_help,
    )
    parser.add_argument(
        "--keep-alive",
        type=_keep_alive,
        default=FOR_EVER,
        metavar="SECONDS",
        help="unload a model that nobody used for so long, and load it again when needed; -1 keeps it (-1)",
    )


def _keep_alive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value == FOR_EVER or 0 <= value < math.inf):
        raise ArgumentTypeError(f"takes a number of seconds, or -1 for ever, not '{text}'")
    return value


@asynccontextmanager
async def open_engines(
    args: Namespace, job: str, setting: Callable[[Choice], Setting], *, language: str | None = None
) -> AsyncIterator[list[Running]]:
    """Run what the options ask for until the block ends; yields the engines, the default one first.

    `setting` tells how to run each; it runs in a thread. What "auto" chooses speaks `language` (see `choose`). Each is
    loaded once at the start, so that what is wrong with it is known then: the embedded engine takes the place of one
    that only "auto" has chosen. Raises `EngineError`.
    """
    choices = await asyncio.to_thread(choose, job, args.engine, args.model, language=language)
    try:
        running = await _start(args, choices, setting)
    except EngineError as error:
        if args.engine != "auto" or args.model or choices[0].engine.kind == "embedded":
            raise
        _LOGGER.warning("%s: %s cannot be used, the embedded engine takes its place: %s", job, choices[0].name, error)
        running = await _start(args, await asyncio.to_thread(choose, job, "embedded", language=language), setting)
    try:
        yield running
    finally:
        await _close(running)


async def _start(args: Namespace, choices: list[Choice], setting: Callable[[Choice], Setting]) -> list[Running]:
    """Start an engine for each of `choices`, or none where one of them cannot be."""
    running: list[Running] = []
    try:
        for choice in choices:
            _LOGGER.info("%s: %s", choice.engine.job, choice.why)
            wanted = await asyncio.to_thread(setting, choice)
            processes = Processes(
                choice.engine.factory,
                wanted.arguments | ({} if choice.path is None else {"model": str(choice.path)}),
                count=wanted.count,
                streams=wanted.streams,
                queue=wanted.queue,
                call_s=wanted.call_s,
                keep_alive_s=None if args.keep_alive == FOR_EVER else args.keep_alive,
                watch=Loaded(args.data_dir, choice),
                name=choice.engine.name,
            )
            running.append(Running(choice, processes, await _described(choice, processes)))
    except BaseException:
        await _close(running)
        raise
    return running


async def _described(choice: Choice, processes: Processes) -> dict[str, Any]:
    try:
        return await processes.start()
    except EngineCrashed as error:
        if not choice.engine.if_it_crashes:
            raise
        raise EngineCrashed(f"{error}: {choice.engine.if_it_crashes}") from None


async def _close(running: list[Running]) -> None:
    for one in running:
        await one.processes.close()


def named(running: Sequence[Running], name: str | None, asked_by: str) -> Running:
    """Return the engine of that name, the default one for None; raise `BadValue`, naming the event, for another."""
    for one in running:
        if name in (None, one.name):
            return one
    known = ", ".join(one.name for one in running)
    raise BadValue(f"{asked_by} asks for {name!r:.60}; this server has {known}")


def program_name(job: str, running: Sequence[Running], one: Running) -> str:
    """Return the name in Info of the program of `one`: hearth-JOB of the first, hearth-JOB-NAME of a further engine."""
    return f"hearth-{job}" if one is running[0] else f"hearth-{job}-{one.name}"


def selected(job: str, running: Sequence[Running], name: str) -> Running:
    """Return the engine that a `select-program` asks for, by the name of its program or its own.

    Raises `BadValue`, which names the programs there are.
    """
    programs = [program_name(job, running, one) for one in running]
    for known, one in [*zip(programs, running, strict=True), *((one.name, one) for one in running)]:
        if name == known:
            return one
    there = ", ".join(programs or [f"hearth-{job}"])
    raise BadValue(f"'select-program' asks for {name!r:.60}; this server has {there}")
