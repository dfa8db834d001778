"""Kokoro: how soon the first clause of an answer is heard, whether any gap follows it, and what is said often.

The weights are a stand-in of real cost (bench/kokoro_standin.py) with real voices; what it says is noise. Besides our
server, each answer is made in one go by kokoro_onnx itself, with the same files, as a program would that waits for the
whole of it. The two take turns.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wyoming.audio import AudioChunk, AudioStop
from wyoming.error import Error
from wyoming.tts import Synthesize

from bench.engines import ROOT, standin
from bench.report import BenchError, Report, percentile, progress
from bench.servers import serving
from wyoming_servers.wire import connect_to

_FIRST_OVER_WHOLE = 0.35
_CACHED_MS = 20.0

_VOICE = "af_heart"
_REPEATS = 40
_TIMEOUT_S = 120.0

_ANSWERS = (
    "The light in the office is on, and the heating in the kitchen is off. It will rain this afternoon, so please take"
    " an umbrella with you. I have set a timer for twenty minutes, and I will tell you when it is over.",
    "Tomorrow morning will be dry, with some sun before noon. In the afternoon clouds come in from the west and bring"
    " a little wind. You could walk to the market, but take a warm jacket with you.",
    "First you melt the butter in a pan over low heat. Then you stir in the flour, a spoon at a time, until no lumps"
    " are left. Pour in the milk slowly, and let all of it simmer for ten minutes.",
)
"""Of three sentences, some 200 letters: 12 to 14 s of sound."""

_PHRASE = "The light in the office is on."


@dataclass(frozen=True, slots=True)
class _Heard:
    """An answer as a client hears it that plays while it comes."""

    first_s: float
    whole_s: float
    gap_s: float
    """The longest time that its player had nothing to play."""

    sound_s: float


async def measure(report: Report, args: Namespace) -> None:  # noqa: ARG001
    """Measure answers at the real file's cost, answers of an engine that is surely fast enough, and phrases."""
    voices = Path(os.environ.get("HEARTH_SHARED") or ROOT.parent / "shared") / "models/kokoro/voices-7.bin"
    if not voices.is_file():
        raise BenchError(f"no {voices}: name the folder of shared models in HEARTH_SHARED")
    real, quick = standin("kokoro.onnx"), standin("kokoro-quick.onnx")
    options = ["--engine", "kokoro", "--voices", str(voices), "--voice", _VOICE]
    with tempfile.TemporaryDirectory() as folder:
        async with serving(["tts"], Path(folder), options={"tts": [*options, "--model", str(real)]}) as servers:
            await _answers(report, servers["tts"].uri, await asyncio.to_thread(_load, real, voices))
        async with serving(["tts"], Path(folder), options={"tts": [*options, "--model", str(quick)]}) as servers:
            await _quick(report, servers["tts"].uri)
            await _phrases(report, servers["tts"].uri)


def _load(model: Path, voices: Path) -> Any:
    import kokoro_onnx

    return kokoro_onnx.Kokoro(str(model), str(voices))


async def _answers(report: Report, uri: str, direct: Any) -> None:
    """Each answer is another one, so that none comes from the cache."""
    await asyncio.to_thread(direct.create, _PHRASE, _VOICE)  # the first is slower; our server has made its own
    ours: list[_Heard] = []
    wholes: list[float] = []
    factors: list[float] = []
    for number, text in enumerate(_ANSWERS):
        progress(f"kokoro: answer {number + 1} of {len(_ANSWERS)}")
        ours.append(await _say(uri, text))
        began = time.perf_counter()
        audio, rate = await asyncio.to_thread(direct.create, text, _VOICE)
        wholes.append(time.perf_counter() - began)
        factors.append(wholes[-1] * rate / len(audio))
    report.add(
        "kokoro_first_over_whole",
        statistics.median(heard.first_s / whole for heard, whole in zip(ours, wholes, strict=True)),
        at_most=_FIRST_OVER_WHOLE,
        note="first sound from our server over the whole answer of three sentences from kokoro_onnx",
    )
    report.add(
        "kokoro_first_over_own_whole",
        statistics.median(heard.first_s / heard.whole_s for heard in ours),
        note="the same over the whole answer from our server",
    )
    report.add(
        "kokoro_whole_over_direct",
        statistics.median(heard.whole_s / whole for heard, whole in zip(ours, wholes, strict=True)),
        note="our server's pieces over kokoro_onnx's whole answer",
    )
    report.add(
        "kokoro_work_over_sound", statistics.median(factors), note="kokoro_onnx: below 1 it is faster than real time"
    )
    report.explain(
        "Answers of three sentences, Kokoro at its real cost",
        ["answer", "sound s", "first sound s", "whole s", "longest gap ms", "kokoro_onnx s"],
        [
            [str(number + 1), f"{heard.sound_s:.1f}", f"{heard.first_s:.2f}", f"{heard.whole_s:.2f}",
             f"{heard.gap_s * 1000:.0f}", f"{whole:.2f}"]
            for number, (heard, whole) in enumerate(zip(ours, wholes, strict=True))
        ],
    )  # fmt: skip


async def _quick(report: Report, uri: str) -> None:
    heard = [await _say(uri, text) for text in _ANSWERS]
    pace = statistics.median(one.whole_s / one.sound_s for one in heard)
    report.add(
        "kokoro_gap_ms",
        max(one.gap_s for one in heard) * 1000,
        at_most=0.0,
        note="longest silence of a player that plays at once; a stand-in of a third of the work, which is faster than"
        f" real time on a busy machine too ({pace:.2f})",
    )


async def _phrases(report: Report, uri: str) -> None:
    for _ in range(2):  # said twice, it is on disk
        await _say(uri, _PHRASE)
    times = [(await _say(uri, _PHRASE)).whole_s * 1000 for _ in range(_REPEATS)]
    report.add(
        "kokoro_cached_ms",
        percentile(times, 0.95),
        at_most=_CACHED_MS,
        note=f"a phrase of {len(_PHRASE)} letters that was said before, from the request to its last sound, p95",
    )


async def _say(uri: str, text: str) -> _Heard:
    """Say `text`, and play it as it comes."""
    async with asyncio.timeout(_TIMEOUT_S), connect_to(uri) as connection:
        began = time.perf_counter()
        await connection.send(Synthesize(text=text))
        first = played = gap = sound = 0.0
        while (event := await connection.receive()) is not None:
            now = time.perf_counter() - began
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                first = first or now
                gap = max(gap, now - (played or now))
                played = max(played, now) + chunk.seconds
                sound += chunk.seconds
            elif AudioStop.is_type(event.type):
                return _Heard(first, now, gap, sound)
            elif Error.is_type(event.type):
                raise BenchError(f"the tts server says: {Error.from_event(event).text}")
    raise BenchError("the tts server has gone in the middle of an answer")
