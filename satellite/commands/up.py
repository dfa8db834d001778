"""Run the whole house on this machine: six servers, restarted when they die, and a satellite.

Prints how each server is, and what is heard, decided and said. With --json, lines with an "event": "server" (job,
state, uri, pid, text), "turn", "timer" or "satellite" (text: why there is none). Where there is no microphone the
servers run on without a satellite. Ctrl-C or SIGTERM stops everything.
"""

from __future__ import annotations

import asyncio
import logging
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from camera.source import CameraError
from satellite.mqtt.options import add_mqtt_options
from satellite.options import add_satellite_options
from satellite.services.supervisor import Change, Program, State, Supervisor, server_program
from satellite.sound.microphone import MicrophoneError
from wyoming_servers.home_assistant.token import Token
from wyoming_servers.house import add_hass_options
from wyoming_servers.wire.health import Health, add_http_option, serve_health

from .common import PORTS, Output, add_common_options, tell, warn
from .satellite import add_server_option, open_servers, serve
from .teller import Teller

_KNOW_THE_HOUSE = {"asr", "handle"}
_STYLES = {State.READY: "green", State.WAITING: "yellow", State.FAILED: "bold red"}


def add_options(parser: ArgumentParser) -> None:
    """Add what the servers and the satellite take."""
    group = parser.add_argument_group("servers")
    group.add_argument(
        "--lan", action="store_true", help="let others on the network use the servers: listen at all addresses"
    )
    group.add_argument("--config", type=Path, metavar="HOUSE.YAML", help="the house (the shipped house.yaml)")
    group.add_argument(
        "--custom-sentences",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder of further sentences, in Home Assistant's format; may be repeated",
    )
    add_hass_options(group)
    group.add_argument(
        "--port",
        type=_port,
        action="append",
        default=[],
        metavar="JOB=PORT",
        help="another port for a server, like asr=10301; may be repeated",
    )
    group.add_argument(
        "--engine",
        type=_by_job,
        action="append",
        default=[],
        metavar="JOB=NAME",
        help="engine of a server, like asr=whisper or tts=embedded (the neural one where its package and a model are"
        " here); may be repeated",
    )
    group.add_argument(
        "--model",
        type=_by_job,
        action="append",
        default=[],
        metavar="JOB=NAME|PATH",
        help="model of a server, like asr=whisper-base.en; may be repeated",
    )
    group.add_argument(
        "--keep-alive", type=_seconds, metavar="SECONDS", help="unload models that nobody used for so long (never)"
    )
    add_http_option(parser, "; each server does the same at the next ports, in the order of their own")
    add_server_option(parser)
    add_common_options(parser)
    add_satellite_options(parser)
    add_mqtt_options(parser)


async def run(args: Namespace) -> int:
    """Run until stopped."""
    output = Output(json=args.json)
    programs = house_programs(args)
    uris = {program.job: program.uri for program in programs}

    def show(change: Change) -> None:
        text = change.text or (uris[change.job] if change.state is State.READY else "")
        output.record(
            event="server", job=change.job, state=change.state, uri=uris[change.job], pid=change.pid, text=change.text
        )
        if change.state is not State.STARTING:
            output.line(f"{change.job:8} {change.state:8} {text}", _STYLES.get(change.state, "dim"))

    if not args.debug:
        logging.getLogger("satellite.services.supervisor").setLevel(logging.CRITICAL)  # `show` tells the same
    health = Health("up")
    async with (
        Supervisor(programs, watch=show, output=None if args.debug else _told) as supervisor,
        serve_health(args.http, health),
    ):
        health.asked.append(lambda: _problems(supervisor))
        try:
            async with open_servers(args) as servers:
                await serve(args, servers, Teller(output), health)
        except (MicrophoneError, CameraError) as error:
            text = f"there is no satellite here, the servers run on: {error}"
            output.record(event="satellite", text=text)
            tell(text)
            await asyncio.Event().wait()
    return 0


def _problems(supervisor: Supervisor) -> list[str]:
    return [
        f"{change.job}: {change.text or change.state}"
        for change in supervisor.states.values()
        if change.state is not State.READY
    ]


def _told(job: str, line: str) -> None:
    """Pass on what a server says about its engines, and what it warns of."""
    about_engines = f"INFO {job}: "
    if line.startswith(about_engines):
        tell(line.removeprefix("INFO "))
    else:
        warn(job, line)


def house_programs(args: Namespace) -> list[Program]:
    """Return the six servers, with their options."""
    secrets = _token(args.hass_token)
    host = "0.0.0.0" if args.lan else "127.0.0.1"  # noqa: S104 - who says --lan means all addresses
    house = [f"--config={args.config}"] if args.config is not None else []
    house += [f"--custom-sentences={folder}" for folder in args.custom_sentences]
    house += [f"--hass-url={args.hass_url}"] if args.hass_url is not None else []
    common = [f"--data-dir={args.data_dir}", *(["--debug"] if args.debug else [])]
    if args.keep_alive is not None:
        common.append(f"--keep-alive={args.keep_alive}")
    return [
        server_program(
            job,
            f"tcp://{host}:{port}",
            [
                *common,
                *(house if job in _KNOW_THE_HOUSE else []),
                *(f"--engine={name}" for of, name in args.engine if of == job),
                *(f"--model={name}" for of, name in args.model if of == job),
                *_http(args.http, number),
            ],
            secrets if job in _KNOW_THE_HOUSE else {},
        )
        for number, (job, port) in enumerate((PORTS | dict(args.port)).items(), 1)
    ]


def _token(token: str | None) -> dict[str, str]:
    """Return the variable that tells the token; none where its file does, which is named in the environment."""
    if token is None or Token.given(token).file is not None:
        return {}
    return {"HEARTH_HASS_TOKEN_FILE": "", "HEARTH_HASS_TOKEN": token}


def _http(ours: tuple[str, int] | None, number: int) -> list[str]:
    """Return the option that has the server of that number answer at the port so far behind ours."""
    return [] if ours is None else [f"--http={ours[0]}:{ours[1] + number}"]


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"takes a number of seconds, not '{text}'")
    return value


def _by_job(text: str) -> tuple[str, str]:
    job, _, name = text.partition("=")
    if job not in PORTS or not name:
        raise ArgumentTypeError(f"'{text}' names no server; it takes JOB=NAME, for {', '.join(PORTS)}")
    return job, name


def _port(text: str) -> tuple[str, int]:
    job, _, port = text.partition("=")
    if job not in PORTS or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ArgumentTypeError(
            f"'{text}' gives no server a port; it takes JOB=PORT, like asr=10301, for {', '.join(PORTS)}"
        )
    return job, int(port)
