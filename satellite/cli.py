"""The command `hearth`: finds the subcommand, runs it, and makes one line of every error.

Only the subcommand that is run is imported, so that `hearth --help` is quick and a satellite stays light.
"""

from __future__ import annotations

import asyncio
import difflib
import importlib
import io
import logging
import os
import signal
import sys
import threading
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from wyoming_servers.wire.loop import run
from wyoming_servers.wire.options import Parser, version
from wyoming_servers.wire.tasks import first_of

COMMANDS: Final = {
    "up": "all servers and a satellite on this machine, kept running",
    "demo": "five spoken questions, heard, understood and answered aloud: shows that all works",
    "satellite": "ears, eyes and voice, with the servers that are found",
    "serve": "one server: hearth serve asr",
    "discover": "which servers there are, and which may be used",
    "trust": "let this machine use another host's servers",
    "vad": "where somebody speaks in WAV files",
    "transcribe": "what was said in WAV files",
    "ask": "what the house answers to a sentence",
    "say": "speak a text, aloud or into a WAV file",
    "look": "what is seen in pictures",
    "models": "the weights of the neural engines: list, pull, verify, remove; which engine does which job",
    "install-service": "start a satellite, a server or the whole house at every boot, by systemd",
    "doctor": "what is well here, what is not, and what to do about it",
}

_SERVICES: Final = {"up", "satellite"}
"""They run until they are stopped, so that SIGTERM is no failure."""

_THREADS_S: Final = 1.0
"""How long threads may take that nobody waits for any more, such as one that asks a dead DNS server for a name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `hearth` and return its exit status: 0 well, 1 failed, 130 interrupted; wrong usage exits with 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if not arguments:
        parser.print_help()
        return 2
    name = arguments[0]
    if name.startswith("-"):
        parser.parse_args(arguments[:1])  # --help and --version end here
        parser.error("the command comes first, then its options")
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        parser.error(f"there is no command '{name}'" + (f", did you mean '{near[0]}'?" if near else ""))
    return _run(name, arguments[1:])


def _parser() -> Parser:
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="hearth",
        usage="hearth COMMAND [options]",
        description="Eyes, ears and a voice for a home, that never leave the house.",
        epilog="commands:\n"
        + "".join(f"  {name:{width}}  {text}\n" for name, text in COMMANDS.items())
        + "\n'hearth COMMAND --help' tells of its options; each is also an environment variable.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version())
    return parser


def _run(name: str, arguments: Sequence[str]) -> int:
    command = importlib.import_module(f"satellite.commands.{name.replace('-', '_')}")
    parser = Parser(prog=f"hearth {name}", description=command.__doc__, formatter_class=RawDescriptionHelpFormatter)
    command.add_options(parser)
    args = parser.parse_args(arguments)
    debug = getattr(args, "debug", False)
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="hearth: %(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text at all
    signals: list[signal.Signals] = []
    leave = threading.Timer(_THREADS_S, lambda: os._exit(_stopped(name, signals[0])))
    leave.daemon = True
    try:
        status = run(_until_stopped(command, args, signals, leave))
    except asyncio.CancelledError:
        return _stopped(name, signals[0])
    except Exception as error:
        if debug:
            raise
        first = first_of(error)
        sys.stderr.write(f"hearth: {_one_line(first)}\n")
        return getattr(first, "status", 1)
    finally:
        leave.cancel()
    return status


def _stopped(name: str, number: signal.Signals) -> int:
    """Return the exit status of a command that was stopped."""
    return 0 if name in _SERVICES and number == signal.SIGTERM else 128 + number


async def _until_stopped(
    command: ModuleType, args: Namespace, signals: list[signal.Signals], leave: threading.Timer
) -> int:
    """Run the command. The first Ctrl-C or SIGTERM cancels it and is added to `signals`; a second one ends us at once.

    (asyncio's own way with SIGINT does not notice it where a task group has failed before.)
    """
    task = asyncio.current_task()
    assert task is not None

    def stop(number: signal.Signals) -> None:
        if signals:
            os._exit(128 + number)
        signals.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        status: int = await command.run(args)
    finally:
        if signals:  # all that is left are threads
            leave.start()
    return status


def _one_line(error: BaseException) -> str:
    if not isinstance(error, _expected()):
        text = f"unexpected {type(error).__name__}: {error} (--debug shows where)"
    elif isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error)
    return " ".join(text.split())


def _expected() -> tuple[type[Exception], ...]:
    """Return the errors whose message is meant for people."""
    from camera.source import CameraError
    from models.engine import EngineError
    from wyoming_servers.identity import IdentityError
    from wyoming_servers.wire import WireError

    from .commands.common import CommandError
    from .gpio import GpioError
    from .mqtt.link import MqttError
    from .network.servers import NoServer
    from .network.trust import TrustError
    from .services.supervisor import SupervisorError
    from .sound.microphone import MicrophoneError
    from .sound.speaker import SpeakerError

    ours = (
        CameraError,
        CommandError,
        EngineError,
        GpioError,
        IdentityError,
        MicrophoneError,
        MqttError,
        NoServer,
        SpeakerError,
    )
    return *ours, SupervisorError, TrustError, WireError, OSError
