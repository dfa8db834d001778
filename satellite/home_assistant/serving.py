"""A satellite for Home Assistant from its options: all that it needs is opened, and it is advertised."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from contextlib import AsyncExitStack

from models.engine import WakeWordStream
from satellite.controls import Controls
from satellite.eyes import Eyes
from satellite.measures import watch_connection
from satellite.options import open_microphone, open_speaker
from satellite.report import Observer
from satellite.sound.clips import find_clips
from satellite.timers import Timers
from wyoming_servers.advertise import advertise
from wyoming_servers.wire import Tcp, parse_uri
from wyoming_servers.wire.health import Health
from wyoming_servers.wire.options import version

from .options import PORT, chosen_cue, describe_satellite, open_chimes, open_voice
from .station import Station


async def serve_home_assistant(
    args: Namespace,
    controls: Controls,
    timers: Timers,
    observer: Observer,
    health: Health,
    *,
    wake_word: WakeWordStream | None,
    eyes: Eyes | None,
    ready: Callable[[str], None],
) -> None:
    """Serve Home Assistant until cancelled, or until all of --mic-file was said; `ready` is told the address.

    Raises OSError and `WireError` where it cannot listen or be advertised, `EngineUnavailable` for a missing package,
    `MicrophoneError`, `CameraError` and `SpeakerError` for what cannot be heard, seen or said.
    """
    clips = find_clips(args.mic_file) if args.mic_file is not None else []
    cue = chosen_cue(args)
    station = Station(
        open_microphone(args),
        open_speaker(args),
        info=describe_satellite(args, cue),
        cue=cue,
        eyes=eyes,
        wake_word=wake_word,
        voice=open_voice(cue),
        chimes=open_chimes(args),
        controls=controls,
        timers=timers,
        observer=observer,
    )
    async with AsyncExitStack() as stack:
        try:
            uri = await stack.enter_async_context(station.service.listen(args.uri))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
            raise OSError(f"cannot listen at {args.uri}: {reason}; choose another address with --uri") from error
        if not args.no_zeroconf and (args.zeroconf is not None or isinstance(parse_uri(uri), Tcp)):
            await stack.enter_async_context(
                advertise(
                    uri=uri,
                    name=args.zeroconf,
                    job="satellite",
                    default_port=PORT,
                    data_dir=args.data_dir,
                    version=version(),
                )
            )
        health.asked.append(station.problems)
        watch_connection("home_assistant", lambda: station.is_connected)
        ready(uri)
        await station.run(clips)
