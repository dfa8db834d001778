"""Commands of the user's that run when something happens (`--on-detection CMD`): for lights, displays, other sound.

They run beside the satellite, which never waits for them. What belongs to an event, such as the words that were heard,
is written to a command's standard input.
"""

from __future__ import annotations

import asyncio
import logging
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from wyoming_servers.wire.background import Background

from .happenings import Happening
from .report import Observer, State
from .sound.command import Command

_LOGGER = logging.getLogger(__name__)

AT_ONCE = 8
"""Commands that may run at the same time; the next waits."""

WAITING = 64
"""Commands that may wait; more are left out, and that is logged."""

LONGEST_S = 30.0
"""Then a command is killed, with all that it has started. What one that ended has left in the background goes on."""

_EXAMPLE = "notify-send hearth"

_EVENTS: tuple[Happening | State, ...] = (*Happening, *State)


def add_event_options(parser: ArgumentParser) -> None:
    """Add `--on-EVENT` for every event and every state."""
    group = parser.add_argument_group(
        "commands on events",
        "Each is started when the event happens and gets what belongs to it on standard input: words, a wake word's "
        "name, an error's text, a timer as JSON or its id. --on-idle, --on-listening, --on-processing and "
        "--on-responding follow the satellite's state: for a light, or to make other sound quieter.",
    )
    for event in _EVENTS:
        group.add_argument(f"--on-{event}", type=partial(_line, event), metavar="COMMAND", help=f"at {event}")


def chosen_commands(args: Namespace) -> dict[str, str]:
    """Return the commands that were asked for, by event."""
    lines = {str(event): getattr(args, f"on_{event.replace('-', '_')}") for event in _EVENTS}
    return {event: line for event, line in lines.items() if line is not None}


class EventCommands(Background, Observer):
    """Runs commands as long as its block lasts; then those that still run are killed."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        """`lines`: a command line by the name of its event."""
        self._lines = lines
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(WAITING)
        self._places = asyncio.Semaphore(AT_ONCE)

    def happened(self, happening: Happening, text: str = "") -> None:
        """Run the command for it, if there is one."""
        self._want(happening, text)

    def became(self, state: State) -> None:
        """Run the command for it, if there is one."""
        self._want(state, "")

    def _want(self, event: str, text: str) -> None:
        if event in self._lines:
            try:
                self._waiting.put_nowait((event, text))
            except asyncio.QueueFull:
                _LOGGER.warning("--on-%s: %d commands wait already; it is left out", event, WAITING)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                event, text = await self._waiting.get()
                await self._places.acquire()
                started = asyncio.Event()
                tasks.create_task(self._execute(event, text, started))
                await started.wait()  # so that they begin in the order of the events

    async def _execute(self, event: str, text: str, started: asyncio.Event) -> None:
        command = _command(event, self._lines[event])
        try:
            async with asyncio.timeout(LONGEST_S):
                process = await command.start(stdin=PIPE)
                started.set()
                assert process.stdin is not None
                with suppress(ConnectionError):  # not everyone reads
                    process.stdin.write(text.encode(errors="replace"))
                    await process.stdin.drain()
                process.stdin.close()
                if await command.ended():
                    _LOGGER.warning("--on-%s: '%s' ended: %s", event, command, await command.last_words())
        except TimeoutError:
            _LOGGER.warning("--on-%s: '%s' has run for %g s and is killed", event, command, LONGEST_S)
        except OSError as error:
            _LOGGER.warning("--on-%s: %s", event, error.strerror)
        finally:
            started.set()
            self._places.release()
            await command.close()


def _line(event: str, line: str) -> str:
    try:
        _command(event, line)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return line


def _command(event: str, line: str) -> Command:
    return Command(line, f"--on-{event}", _EXAMPLE)
