"""A room for the tests of turns: somebody who speaks, a speaker that is a folder, and someone who watches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from satellite.actions import Actions
from satellite.controls import Controls
from satellite.happenings import Happening
from satellite.listening.utterance import Utterance
from satellite.report import Observer, TurnReport
from satellite.sound.answers import FolderSink
from satellite.sound.microphone import CHUNK_BYTES, CHUNK_SAMPLES, Chunk
from satellite.sound.speaker import Speaker
from satellite.timers import Timers
from satellite.turns.apologies import Apologies
from satellite.turns.asking import Patience
from satellite.turns.turn import Means, Talk, take_turn
from tests.satellite.houses import RATE, House
from tests.satellite.sounds import tone
from wyoming_servers.wire.audio import read_wav

PATIENCE = Patience(connect=2, silent=1.5, failing=1.0, turn=20)


@dataclass
class Watcher(Observer):
    """Keeps the names of what happened."""

    events: list[str] = field(default_factory=list)
    happenings: list[str] = field(default_factory=list)

    def happened(self, happening: Happening, text: str = "") -> None:
        self.happenings.append(f"{happening} {text}".strip())

    def turn_began(self, report: TurnReport) -> None:
        self.events.append("began")

    def heard(self, report: TurnReport) -> None:
        self.events.append(f"heard {report.heard}")

    def decided(self, report: TurnReport) -> None:
        self.events.append(f"decided {report.reply}")

    def turn_ended(self, report: TurnReport) -> None:
        self.events.append("ended")


class Room:
    """Takes turns in a house."""

    def __init__(self, house: House, folder: Path, patience: Patience = PATIENCE) -> None:
        self.speaker = Speaker("folder", lambda name: FolderSink(folder, name))
        self.timers = Timers(lambda: 0.0)
        self.apologies = Apologies(house)
        self.watcher = Watcher()
        self.talk = Talk()
        self.situation: dict[str, Any] = {"timers": [], "volume": 100}
        self.means = Means(
            servers=house,
            speaker=self.speaker,
            actions=Actions(self.timers, Controls()),
            apologies=self.apologies,
            observer=self.watcher,
            situation=lambda: self.situation,
            patience=patience,
        )

    async def turn(self, utterance: Utterance | None = None) -> TurnReport:
        """Take a turn about something said before; a turn that hangs fails the test."""
        return await asyncio.wait_for(take_turn(utterance or said(), self.means, self.talk), 60)


def said(seconds: float = 0.5) -> Utterance:
    """Return an utterance whose speaker has been silent for long."""
    utterance = begun()
    for chunk in chunks(seconds + 2):
        utterance.add(chunk)
    utterance.voice(utterance.samples - 2 * 16_000)
    return utterance


def begun() -> Utterance:
    """Return an utterance whose speaker has just begun."""
    loop = asyncio.get_running_loop()
    pre_roll = [
        Chunk(bytes(CHUNK_BYTES), place * CHUNK_SAMPLES, loop.time() - 0.2 + place * 0.02) for place in range(10)
    ]
    return Utterance(pre_roll, 5 * CHUNK_SAMPLES)


def chunks(seconds: float) -> list[Chunk]:
    """Return sound for an utterance."""
    return [Chunk(tone(0.02), 0, 0.0) for _ in range(round(seconds * 50))]


def answer(report: TurnReport) -> bytes:
    """Return what was heard of an answer."""
    assert report.wav is not None, report
    return read_wav(report.wav, RATE)
