"""Start Hearth at every boot: write a systemd service for this installation, enable it and start it.

Say what to start as you would at the terminal: 'up' (the default), 'satellite' or 'serve JOB', with its options. As
root it is a service of the machine, else one of yours. Variables HEARTH_… that are set become part of it. Doing it
again, with other options, changes it. With --json: {"unit", "path", "state"}; `state` is "started", "removed" or
"shown", and "text" what --print shows.
"""

from __future__ import annotations

import argparse
import asyncio
import grp
import importlib
import os
import pwd
import shlex
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from satellite.services import systemd
from satellite.services.unit import GROUPS, Unit
from wyoming_servers.wire.options import Parser, default_data_dir
from wyoming_servers.wire.secrets import is_secret, variable_of

from .common import PORTS, CommandError, Output, UsageError, tell

_WHAT = {"up": "all servers and a satellite", "satellite": "satellite"}


def add_options(parser: ArgumentParser) -> None:
    """Add what to do, and to which service."""
    parser.add_argument("--system", action="store_true", help="a service of the machine, which only root can make")
    parser.add_argument("--print", action="store_true", help="show it, and change nothing")
    parser.add_argument("--remove", action="store_true", help="stop it, and start it no more")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument(
        "service",
        nargs=REMAINDER,
        metavar="COMMAND …",
        help="what to start, with its options: up, satellite, serve JOB",
    )


async def run(args: Namespace) -> int:
    """Show, install or remove a service."""
    output = Output(json=args.json)
    system = args.system or os.geteuid() == 0
    if system and not args.print and os.geteuid() != 0:
        again = shlex.join([_program(), "install-service", *sys.argv[2:]])
        raise CommandError(f"a service of the machine is made by root: sudo {again}")
    unit = _unit(args.service or ["up"], system)
    try:
        text = unit.text()
    except ValueError as error:
        raise CommandError(str(error)) from error
    path = systemd.path_of(unit)
    if args.print:
        output.record(unit=unit.name, path=str(path), state="shown", text=text)
        output.piece(text)
        return 0
    try:
        told = await asyncio.to_thread(systemd.remove if args.remove else systemd.install, unit)
    except systemd.SystemdError as error:
        raise CommandError(str(error)) from error
    if not args.remove:
        again = shlex.join([_program(), "install-service", "--remove", *_words(unit)])
        told += f"; to remove it: {'sudo ' if system else ''}{again}"
    tell(told)
    output.record(unit=unit.name, path=str(path), state="removed" if args.remove else "started")
    return 0


# ---- what is to be started


def _unit(command: Sequence[str], system: bool) -> Unit:
    """Return the service; raise `CommandError` for one that could not run. Wrong options end the program."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("HEARTH_")}
    options = [word.partition("=")[0] for word in command if word.startswith("--")]
    for variable in (*map(variable_of, options), *environment):
        if is_secret(variable):
            raise CommandError(
                f"everybody could read the value of {variable} there: write it into a file, named in {variable}_FILE"
            )
    name, what, args = _parse(command)
    owner = _owner() if system else None
    data_dir = args.data_dir
    if owner is not None and data_dir == default_data_dir():
        data_dir = Path(owner.pw_dir, ".local", "share", "hearth")
    written = [data_dir, getattr(args, "snd_folder", None), _socket_folder(getattr(args, "uri", None))]
    return Unit(
        name,
        what,
        (_program(), *command),
        system=system,
        user=owner.pw_name if owner is not None else None,
        environment=environment,
        folder=Path.cwd(),
        # A service of its own user has a data folder from systemd.
        writable=[folder.absolute() for folder in written if folder is not None and (owner or folder != data_dir)],
        devices=command[0] != "serve",
        groups=[group for group in GROUPS if _is_group(group)],
    )


def _parse(command: Sequence[str]) -> tuple[str, str, Namespace]:
    """Return the unit's name, what it is, and its options, which are checked here and not at the next boot."""
    name, *options = command
    if name in _WHAT:
        module = importlib.import_module(f"satellite.commands.{name}")
        parser: ArgumentParser = Parser(prog=f"hearth {name}", description=module.__doc__)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add_options(parser)
        unit = "hearth.service" if name == "up" else "hearth-satellite.service"
        return unit, f"Hearth: {_WHAT[name]}", parser.parse_args(options)
    if name == "serve" and options[:1] and options[0] in PORTS:
        job = importlib.import_module(f"wyoming_servers.{options[0]}").JOB
        parser = importlib.import_module("wyoming_servers.program").parser(job)
        return f"hearth-server@{job.name}.service", f"Hearth: {job.name} server", parser.parse_args(options[1:])
    raise UsageError(f"'{shlex.join(command)}' is no service; there are: up, satellite, serve {', serve '.join(PORTS)}")


def _program() -> str:
    path = Path(sys.prefix, "bin", "hearth")
    if not path.exists():
        raise CommandError(f"there is no {path} that a service could start: install Hearth with pip")
    return str(path)


def _owner() -> pwd.struct_passwd | None:
    """Return the user to whom this installation belongs and who runs its services; None where that is root.

    Raises `CommandError` where a user of its own could not come to it.
    """
    owner = Path(sys.prefix).stat().st_uid
    if owner != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            raise CommandError(f"{sys.prefix} belongs to user {owner}, who is not known here: chown it") from None
    for program in (Path(sys.prefix, "bin", "hearth"), Path(sys.executable).resolve()):
        for folder in program.parents:
            if not folder.stat().st_mode & 0o001:
                raise CommandError(
                    f"the service runs as a user of its own, to whom {folder} is closed: install Hearth in "
                    "/opt/hearth, or as the user who shall run it"
                )
    return None


def _socket_folder(uri: str | None) -> Path | None:
    return Path(uri.removeprefix("unix://")).parent if uri is not None and uri.startswith("unix://") else None


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _words(unit: Unit) -> list[str]:
    """Return the words that name the service: its command without options."""
    return list(unit.command[1 : 3 if unit.command[1] == "serve" else 2])
