"""The options of a satellite for Home Assistant, and what is made of them. Their names are wyoming-satellite's."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from wyoming.info import Attribution, Satellite, WakeModel, WakeProgram

from models.engine import EngineUnavailable, VoiceActivityStream
from satellite.listening.voice import open_silero
from satellite.sound import tones
from wyoming_servers.wire import Info
from wyoming_servers.wire.options import version

from .chimes import Chimes, open_chime
from .cue import Cue

PORT = 10700

_OURS = Attribution(name="Hearth", url="")

_CUES = {
    "there": Cue.THERE,
    "speech": Cue.SPEECH,
    "nothing": Cue.NOTHING,
}


def add_home_assistant_options(parser: ArgumentParser) -> None:
    """Add what only a satellite for Home Assistant takes."""
    group = parser.add_argument_group(
        "Home Assistant",
        "With --home-assistant it is Home Assistant that understands and answers, and no server of ours.",
    )
    group.add_argument(
        "--home-assistant", action="store_true", help="wait for Home Assistant to connect, and run its Assist pipelines"
    )
    group.add_argument(
        "--uri",
        default=f"tcp://127.0.0.1:{PORT}",
        help="where to listen: tcp://HOST:PORT or unix:///PATH; tcp://0.0.0.0:10700 for a Home Assistant elsewhere "
        "(%(default)s)",
    )
    group.add_argument("--zeroconf", metavar="NAME", help="advertise by zeroconf under this name")
    group.add_argument("--no-zeroconf", action="store_true", help="do not advertise")
    group.add_argument(
        "--wake",
        choices=sorted(_CUES),
        default="there",
        help="what begins a turn where there is no --wake-word: a wake word that Home Assistant hears (there), anybody "
        "who speaks (speech), or nothing but a button (%(default)s)",
    )
    group.add_argument(
        "--vad", action="store_true", help="with --wake there: send sound to Home Assistant only when somebody speaks"
    )
    for name, when in (("awake", "it begins to listen"), ("done", "it has heard what was said")):
        group.add_argument(
            f"--{name}-wav", nargs="?", const="", metavar="PATH", help=f"sound when {when}: a WAV file, or our own"
        )
    group.add_argument(
        "--timer-finished-wav", default="", metavar="PATH", help="sound of a timer: a WAV file (our own)"
    )


def chosen_cue(args: Namespace) -> Cue:
    """Return what begins a turn."""
    if args.wake_word:
        return Cue.HERE
    cue = _CUES[args.wake]
    return Cue.THERE_ON_SPEECH if cue is Cue.THERE and args.vad else cue


def open_voice(cue: Cue) -> VoiceActivityStream | None:
    """Return what tells when somebody speaks, or None where it is not installed and not needed.

    Raises `EngineUnavailable`.
    """
    try:
        return open_silero().open()
    except EngineUnavailable:
        if cue in {Cue.SPEECH, Cue.THERE_ON_SPEECH}:
            raise
        return None


def open_chimes(args: Namespace) -> Chimes:
    """Return the sounds that were asked for; raise `UnsupportedAudio`, naming the file."""
    timer = open_chime(args.timer_finished_wav, tones.chime())
    assert timer is not None
    return Chimes(
        awake=open_chime(args.awake_wav, tones.awake()), done=open_chime(args.done_wav, tones.done()), timer=timer
    )


def describe_satellite(args: Namespace, cue: Cue) -> Info:
    """Return what Home Assistant is told of it."""
    words = [_word(name) for name in args.wake_word]
    return Info(
        satellite=Satellite(
            name=args.name,
            description="Hearth's satellite",
            attribution=_OURS,
            installed=True,
            version=version(),
            area=args.area,
            has_vad=cue is Cue.THERE_ON_SPEECH,
            active_wake_words=[word.name for word in words],
            max_active_wake_words=len(words),
        ),
        wake=[
            WakeProgram(
                name="hearth",
                description="Wake words that the satellite hears itself",
                attribution=_OURS,
                installed=True,
                version=version(),
                models=words,
            )
        ]
        if words
        else [],
    )


def _word(name: str) -> WakeModel:
    """Return what Home Assistant is told of a wake word: it goes by the phrase when several satellites hear it."""
    name = Path(name).stem if name.endswith((".json", ".tflite")) else name
    phrase = name.replace("_", " ").title()
    return WakeModel(
        name=name,
        description=phrase,
        phrase=phrase,
        attribution=_OURS,
        installed=True,
        version=version(),
        languages=[],
    )
