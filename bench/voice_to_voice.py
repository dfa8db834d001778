"""From the true end of speech to the first sound of the answer, through the real satellite and the five real servers.

The end of speech is the question's last 10 ms within 40 dB of its loudest, the first sound the answer's first such
10 ms as it is written to the speaker; both at live speed. Questions are spoken by the tts server in several voices, and
by people where there are recordings: DIR/media/speech/office_lights.
"""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path

from wyoming.tts import Synthesize, SynthesizeVoice

from bench.report import Report, percentile, progress
from satellite.commands.say import spoken
from satellite.commands.teller import stage_times
from satellite.report import STAGES
from satellite.services.rehearsal import Asked, OwnServers, own_servers, rehearse
from wyoming_servers.wire.audio import read_wav

_QUESTIONS = (
    "What time is it?",
    "Turn on the lights in the kitchen.",
    "Set a timer for five minutes.",
    "What do you see?",
    "Turn off the radio.",
    "What day is it today?",
    "Cancel all timers.",
    "Turn off the lights in the bedroom.",
)
_VOICES = ("en-US", "en", "en-GB-x-rp")
_MISSING = Path("../shared")

_NO_ANSWER_MS = 60_000.0
"""Counted for a question that nothing answers."""


def add_options(parser: ArgumentParser) -> None:
    """Add how often, and who speaks."""
    parser.add_argument("--turns", type=int, default=36, help="questions that are asked (%(default)s)")
    parser.add_argument(
        "--shared",
        type=Path,
        metavar="DIR",
        default=_MISSING,
        help="folder of recordings; every second question is one of them where it exists (%(default)s)",
    )


async def run(args: Namespace) -> Report:
    """Measure."""
    recordings = sorted((args.shared / "media/speech/office_lights").glob("*_16bit.wav"))
    asked: list[Asked] = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        progress(f"{args.turns} turns, {len(recordings)} recordings; starting five servers")
        async with own_servers(Path(data)) as servers:
            clips = [await _say(servers, text, voice) for voice, text in product(_VOICES, _QUESTIONS)]
            people = [(f"recording: {path.name[:8]}", read_wav(path)) for path in recordings]
            async with rehearse(servers, Path(folder)) as rehearsal:
                for name, pcm in islice(_turns(clips, people), args.turns):
                    asked.append(await rehearsal.ask(pcm))
                    report = asked[-1].report
                    heard = "no turn" if report is None else f"'{report.heard}'"
                    progress(f"{asked[-1].first_sound_ms} ms  {name}  {heard}")
    return _report(asked, len(recordings))


def _turns(clips: list[tuple[str, bytes]], people: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    spoken_by_people = cycle(people)
    for clip in cycle(clips):
        yield clip
        if people:
            yield next(spoken_by_people)


async def _say(servers: OwnServers, text: str, voice: str) -> tuple[str, bytes]:
    return f"{voice}: {text}", await spoken(servers.uris["tts"], Synthesize(text, voice=SynthesizeVoice(name=voice)))


def _report(asked: list[Asked], recordings: int) -> Report:
    first = [float(_NO_ANSWER_MS if one.first_sound_ms is None else one.first_sound_ms) for one in asked]
    understood = [one for one in asked if one.report is not None and one.report.handled]
    speakers = f"{len(_VOICES)} voices of espeak-ng" + (f" and {recordings} recordings" if recordings else "")
    report = Report("voice-to-voice")
    report.add("first_sound_p50_ms", percentile(first, 0.5), at_most=450, note=f"{len(asked)} turns, {speakers}")
    report.add("first_sound_p95_ms", percentile(first, 0.95), at_most=800, note=f"on {os.cpu_count()} cores")
    report.add("understood", len(understood) / len(asked), note="share of the turns; the others are asked to repeat")
    times = [stage_times(one.report, one.times.speech_ended) for one in asked if one.report is not None]
    rows = []
    for stage in STAGES:
        both = [time[stage] for time in times if stage in time]
        columns = [[float(value) for value in values if value is not None] for values in zip(*both, strict=True)]
        rows.append([stage, *(f"{percentile(each, share):.0f}" for each in columns for share in (0.5, 0.95))])
    heads = ("stage", "begins p50", "p95", "ends p50", "p95")
    report.explain("ms after the true end of speech", heads, rows)
    return report
