"""Whisper tiny: a short window against faster-whisper's 30 s, and how soon a transcript follows the end of the audio.

faster-whisper follows five texts at once by default, we do where the likeliest words are not sure ones; the table has
it with one as well. The weights are a stand-in that always writes the same ten words (bench/whisper_standin.py), so
both sides write the same number of tokens, and no guard steps in as it would with weights that are random alone. What
the short window does to the words of real weights cannot be seen here: `script/bench wer` is for that.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from bench.engines import standin
from bench.processes import memory_mb
from bench.report import BenchError, Report, percentile, progress
from bench.servers import serving
from bench.wyoming_faster_whisper import VERSION, wyoming_faster_whisper
from models.engine import SAMPLE_RATE
from models.espeak import EspeakSynthesizer
from models.silence import Trim
from models.whisper.reader import BEAMS, Reader, Sound
from models.whisper.weights import load
from wyoming_servers.wire import connect_to, expect

_SHORT_OVER_FULL = 0.35
_AFTER_STOP_MS = 30.0

_COMMAND_S = 6.0
_ROUNDS = 15
_UTTERANCES = 24
_SILENCE_S = 0.7
_CHUNK = SAMPLE_RATE // 50 * 2
_ANSWER_S = 20.0

_COMMANDS = (
    "Turn on the lights in the kitchen.",
    "What time is it?",
    "Set a timer for five minutes.",
    "Is the garage door open?",
)


async def measure(report: Report, args: Namespace) -> None:  # noqa: ARG001
    """Measure the engine by itself, then the server."""
    model = standin("whisper-tiny-says")
    await asyncio.to_thread(_windows, report, model)
    await _after_stop(report, model)


def _speak(text: str) -> bytes:
    """Return `text` spoken, with 20 ms of silence before and after it."""
    espeak = EspeakSynthesizer()
    trim = Trim(espeak.rate)
    pcm = np.frombuffer(trim.feed(espeak.open().speak(text).pcm) + trim.finish(), "<i2")
    spoken: bytes = soxr.resample(pcm, espeak.rate, SAMPLE_RATE).astype("<i2").tobytes()
    return spoken


# ------------------------------------------------------------------------------------------------- a short window


def _windows(report: Report, folder: Path) -> None:
    model = load(folder, device="cpu")
    short, full = Reader(model), Reader(model, full=True)
    speech = _speak("Please turn on all of the lights in the kitchen, set a timer for ten minutes, and add milk.")
    pcm = speech[: round(_COMMAND_S * SAMPLE_RATE) * 2].ljust(round(_COMMAND_S * SAMPLE_RATE) * 2, b"\0")
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    sound = Sound(pcm, spoken=_COMMAND_S, language="en")

    def faster_whisper(beams: int) -> str:
        segments, _ = model.transcribe(samples, language="en", beam_size=beams, without_timestamps=True)
        return "".join(segment.text for segment in segments).strip()

    ways: dict[str, Callable[[], str]] = {
        "ours, short window": lambda: short.read(sound).text,
        "ours, full window": lambda: full.read(sound).text,
        "faster-whisper": lambda: faster_whisper(5),
        "faster-whisper, one beam": lambda: faster_whisper(1),
    }
    texts = {way() for way in ways.values()}  # and all is warm
    if len(texts) != 1:
        raise BenchError(f"the two sides do not write the same: {sorted(texts)}")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(1000 * (time.perf_counter() - began))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    report.explain(
        f"Whisper tiny, {_COMMAND_S:g} s of speech, {len(texts.pop().split())} words",
        ["", "median ms", "least ms"],
        [[name, f"{medians[name]:.0f}", f"{min(taken):.0f}"] for name, taken in times.items()],
    )
    for metric, other, bound in (
        ("whisper_short_over_full", "faster-whisper", _SHORT_OVER_FULL),
        ("whisper_short_over_full_one_beam", "faster-whisper, one beam", None),
    ):
        report.add(
            metric,
            medians["ours, short window"] / medians[other],
            at_most=bound,
            note=f"time for {_COMMAND_S:g} s of speech over {other}, medians of {_ROUNDS}, the same tokens",
        )


# ------------------------------------------------------------------------------------------------------ the server


async def _after_stop(report: Report, model: Path) -> None:
    utterances = [_speak(text) + bytes(round(_SILENCE_S * SAMPLE_RATE) * 2) for text in _COMMANDS]
    threads = str(min(len(os.sched_getaffinity(0)), 4))
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = {"asr": ["--model", str(model), "--external-vad", "--device", "cpu"]}
        other = ("--language", "en", "--cpu-threads", threads, "--beam-size", str(BEAMS))
        async with (
            serving(["asr"], folder, engine="whisper", options=options) as servers,
            wyoming_faster_whisper(model, folder, *other) as (uri, pid),
        ):
            progress(f"whisper: {_UTTERANCES} utterances as fast as they are spoken, to each of two servers")
            for number in range(_UTTERANCES):
                pcm = utterances[number % len(utterances)]
                ours.append(await _utter(servers["asr"].uri, pcm))
                theirs.append(await _utter(uri, pcm))
            memory = memory_mb(servers["asr"].process.pid), memory_mb(pid)
    report.explain(
        f"From audio-stop to the transcript, {_SILENCE_S:g} s of silence before it",
        ["", "p50 ms", "p95 ms", "worst ms", "memory MB"],
        [
            ["ours", *_row(ours), f"{memory[0]:.0f}"],
            [f"wyoming-faster-whisper {VERSION}", *_row(theirs), f"{memory[1]:.0f}"],
        ],
    )
    what = f"{_UTTERANCES} utterances at the speed of speech, {_SILENCE_S:g} s of silence before audio-stop"
    report.add("whisper_after_stop_p95_ms", percentile(ours, 0.95), at_most=_AFTER_STOP_MS, note=what)
    report.add(
        "wyoming_faster_whisper_after_stop_p95_ms",
        percentile(theirs, 0.95),
        note=f"the same with wyoming-faster-whisper {VERSION} and the same weights",
    )


def _row(times: list[float]) -> list[str]:
    return [f"{percentile(times, share):.1f}" for share in (0.5, 0.95, 1.0)]


async def _utter(uri: str, pcm: bytes) -> float:
    """Return the ms from `audio-stop` to the transcript."""
    loop = asyncio.get_running_loop()
    async with connect_to(uri) as connection:
        await connection.send(Transcribe(language="en"), AudioStart(SAMPLE_RATE, 2, 1))
        due = loop.time()
        for start in range(0, len(pcm), _CHUNK):
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
            await connection.send(AudioChunk(SAMPLE_RATE, 2, 1, pcm[start : start + _CHUNK]))
        stopped = loop.time()
        await connection.send(AudioStop())
        answer: Any = await expect(connection, "transcript", _ANSWER_S)
        took = 1000 * (loop.time() - stopped)
    if not answer.data["text"]:
        raise BenchError(f"{uri} heard nothing in a spoken command")
    return took
