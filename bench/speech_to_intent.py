"""Share of spoken commands of which every slot, and no other, comes out right; and the time that takes.

DIR holds WAV files, `labels.json` (slots by file) and `sentences.yaml` (their vocabulary as Home Assistant custom
sentences), which is added to the sentences of the shipped house. The clips go through the real asr server, which finds
the end of speech by itself, and what it heard through the real handle server.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from bench.processes import cpu_seconds
from bench.report import Report, progress
from satellite.services.rehearsal import own_servers
from wyoming_servers.wire import answer, connect_to, expect
from wyoming_servers.wire.audio import RATE, WIDTH, read_wav

_CHUNK = RATE * WIDTH // 50
_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class _Clip:
    name: str
    pcm: bytes
    slots: dict[str, str]


def add_options(parser: ArgumentParser) -> None:
    """Add which clips."""
    parser.add_argument("dir", metavar="DIR", type=Path, help="WAV files, labels.json, sentences.yaml")
    parser.add_argument("--wrong", action="store_true", help="list the clips that came out wrong")


async def run(args: Namespace) -> Report:
    """Measure."""
    labels: dict[str, dict[str, str]] = json.loads((args.dir / "labels.json").read_text("utf-8"))
    clips = [_Clip(name, read_wav(args.dir / name), slots) for name, slots in sorted(labels.items())]
    seconds = sum(len(clip.pcm) for clip in clips) / (RATE * WIDTH)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as sentences:
        shutil.copy(args.dir / "sentences.yaml", sentences)
        house = ["--custom-sentences", sentences]
        progress(f"{len(clips)} clips, {seconds:.0f} s of speech; starting the asr and handle servers")
        async with own_servers(Path(folder), jobs=("asr", "handle"), options={"asr": house, "handle": house}) as own:
            asr = own.supervisor.states["asr"].pid
            assert asr is not None
            before = cpu_seconds(asr)
            right = 0
            for number, clip in enumerate(clips):
                if number % 20 == 0:
                    progress(f"{number} of {len(clips)}")
                text = await _transcribe(own.uris["asr"], clip.pcm)
                slots = await _slots(own.uris["handle"], text)
                if slots == clip.slots:
                    right += 1
                elif args.wrong:
                    progress(f"{clip.name}: heard '{text}', wanted {clip.slots}")
            used = cpu_seconds(asr) - before
    report = Report("speech-to-intent")
    report.add("accepted", right / len(clips), at_least=0.8, note=f"{len(clips)} clips, every slot right and no other")
    report.add("rtf", used / seconds, at_most=0.15, note=f"CPU seconds of the asr server over {seconds:.0f} s of audio")
    return report


async def _transcribe(uri: str, pcm: bytes) -> str:
    async with connect_to(uri) as connection:
        await connection.send(AudioStart(RATE, WIDTH, 1))
        for start in range(0, len(pcm), _CHUNK):
            await connection.send(AudioChunk(RATE, WIDTH, 1, pcm[start : start + _CHUNK]))
            await asyncio.sleep(0)
        await connection.send(AudioStop())
        return str((await expect(connection, "transcript", _ANSWER_S)).data["text"])


async def _slots(uri: str, text: str) -> dict[str, Any] | None:
    """Return the slots of what was understood, None where nothing was."""
    async with connect_to(uri) as connection:
        await connection.send(Transcript(text, context={"actions": []}))  # else it is asked to carry out the intent
        event: Event = await answer(connection, _ANSWER_S)
        while event.type not in ("handled", "not-handled"):
            event = await answer(connection, _ANSWER_S)
        intent = event.data["context"].get("intent")
        return dict(intent["slots"]) if intent else None
