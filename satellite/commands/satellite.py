"""Listen, look and answer with the servers that are found: this machine's, trusted ones, and those named by --server.

Prints what is heard, decided and said. With --json, a line a turn, {"event": "turn", "heard", "handled", "intent",
"reply", "stages": {name: [began, ended]} in ms since the voice began, …}, and a line whenever a timer rings.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

from camera.camera import Camera
from models.engine import EngineError, WakeWordStream
from satellite.controls import Controls
from satellite.event_commands import EventCommands, chosen_commands
from satellite.eyes import Eyes
from satellite.gpio import open_gpio
from satellite.happenings import Happening
from satellite.home_assistant.options import add_home_assistant_options
from satellite.home_assistant.serving import serve_home_assistant
from satellite.kept_timers import KeptTimers, timers_file
from satellite.listening.wake_server import WakeServer
from satellite.measures import Measures, watch_connection, watch_frames
from satellite.mqtt.options import add_mqtt_options, open_device
from satellite.network.house import Servers as House
from satellite.network.servers import ByHand, Servers
from satellite.network.trust import Trust
from satellite.options import (
    add_satellite_options,
    chosen_voice,
    open_camera,
    open_microphone,
    open_speaker,
    open_wake_word,
)
from satellite.report import Observer, Observers
from satellite.satellite import Satellite
from satellite.settings import Settings, recall, settings_file
from satellite.sound.clips import find_clips
from satellite.timers import Timers
from wyoming_servers.wire.health import Health, add_http_option, serve_health
from wyoming_servers.wire.loop import settle

from .common import Output, add_common_options, tell
from .teller import Teller


def add_options(parser: ArgumentParser) -> None:
    """Add what it hears, says and sees, and whose help it has."""
    add_server_option(parser)
    add_common_options(parser)
    add_http_option(parser)
    add_satellite_options(parser)
    add_home_assistant_options(parser)
    add_mqtt_options(parser)


async def run(args: Namespace) -> int:
    """Run until stopped, or until all of --mic-file is answered."""
    health = Health("satellite")
    teller = Teller(Output(json=args.json))
    async with serve_health(args.http, health):
        if args.home_assistant:
            await _serve_home_assistant(args, teller, health)
        else:
            async with open_servers(args) as servers:
                await serve(args, servers, teller, health)
    return 0


def add_server_option(parser: ArgumentParser) -> None:
    """Add `--server`."""
    parser.add_argument(
        "--server",
        type=_by_hand,
        action="append",
        default=[],
        metavar="JOB=URI",
        help="a server to use before all others, like asr=tcp://192.168.1.5:10300; may be repeated",
    )


def open_servers(args: Namespace) -> Servers:
    """Return the servers that may be used."""
    return Servers(by_hand=args.server, trust=Trust.kept_in(args.data_dir))


async def serve(args: Namespace, servers: House, observer: Observer, health: Health) -> None:
    """Be a satellite until cancelled, or until all of --mic-file is answered. Raises as `Satellite.run`."""
    clips = find_clips(args.mic_file) if args.mic_file is not None else []
    camera = _watched_camera(args)
    async with attended(args, observer, camera=camera) as (controls, timers, observers):
        satellite = Satellite(
            open_microphone(args),
            open_speaker(args),
            servers,
            eyes=None if camera is None else Eyes(camera, servers),
            controls=controls,
            timers=timers,
            wake_word=_wake_word(args, servers),
            observer=observers,
            area=args.area,
            language=args.language,
            voice=chosen_voice(args),
        )
        health.asked.append(satellite.problems)
        settle()
        try:
            await satellite.run(clips)
        finally:
            health.asked.remove(satellite.problems)


@asynccontextmanager
async def attended(
    args: Namespace, *observers: Observer, camera: Camera | None = None
) -> AsyncIterator[tuple[Controls, Timers, Observer]]:
    """Yield controls and timers, which are remembered, and who tells `observers` and the broker and runs commands."""
    kept_in = settings_file(args.data_dir, args.name)
    controls = recall(kept_in)
    if args.volume is not None:
        controls.volume = args.volume
    timers = Timers(time.monotonic)
    device = open_device(args, controls, camera)
    if device is not None:
        watch_connection("mqtt", lambda: device.is_connected)
    gpio = open_gpio(args, controls)
    async with (
        Settings(controls, kept_in),
        KeptTimers(timers, timers_file(args.data_dir, args.name)),
        EventCommands(chosen_commands(args)) as commands,
        device or nullcontext(),
        gpio or nullcontext(),
    ):
        commands.happened(Happening.STARTUP)
        yield controls, timers, Observers(*observers, Measures(), commands, *filter(None, (device, gpio)))


async def _serve_home_assistant(args: Namespace, observer: Observer, health: Health) -> None:
    camera = _watched_camera(args)
    async with AsyncExitStack() as stack:
        controls, timers, observers = await stack.enter_async_context(attended(args, observer, camera=camera))
        if camera is None and not args.server:  # no server is of any use here but one that hears the wake word or sees
            wake_word, eyes = open_wake_word(args), None
        else:
            servers = await stack.enter_async_context(open_servers(args))
            wake_word = _wake_word(args, servers)
            eyes = None if camera is None else Eyes(camera, servers)
        settle()
        await serve_home_assistant(
            args,
            controls,
            timers,
            observers,
            health,
            wake_word=wake_word,
            eyes=eyes,
            ready=lambda uri: tell(f"'{args.name}' is ready for Home Assistant at {uri}"),
        )


def _watched_camera(args: Namespace) -> Camera | None:
    """Return the camera, if there is one, whose frames `/metrics` tells of. Raises as `open_camera`."""
    if (camera := open_camera(args)) is not None:
        watch_frames(camera)
    return camera


def _wake_word(args: Namespace, servers: House) -> WakeWordStream | None:
    """Return what hears the wake words: the server that was named for it, or else the engine here."""
    if not args.wake_word or not any(named.job == "wake" for named in args.server):
        return open_wake_word(args)
    try:
        here = open_wake_word(args)
    except EngineError:  # the server may know the word
        here = None
    return WakeServer(servers, args.wake_word, here)


def _by_hand(text: str) -> ByHand:
    try:
        return ByHand.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
