"""What the house says when something fails, because a failure is never silence.

The phrases are spoken early on, by whatever tts server there is, and kept as sound: so not even a dead voice goes
unexplained.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wyoming.tts import SynthesizeVoice

from satellite.backoff import backoff
from satellite.network.house import Servers
from satellite.sound import tones
from wyoming_servers.wire.audio import Format

from .asking import Patience
from .speaking import Write, render

PHRASES = {
    "asr": "Sorry, I can't make out words right now.",
    "handle": "Sorry, I heard you, but I can't think right now.",
    "tts": "Sorry, my voice is failing me right now.",
}
"""By the job that nobody could do."""

_PATIENCE = Patience(silent=3.0, failing=0.0)


class Apologies:
    """One phrase for each job, as sound as soon as it can be had."""

    def __init__(self, servers: Servers, *, voice: SynthesizeVoice | None = None) -> None:
        self._servers = servers
        self._voice = voice
        self._kept: dict[str, list[tuple[bytes, Format]]] = {}

    @property
    def complete(self) -> bool:
        """Whether every phrase is kept."""
        return len(self._kept) == len(PHRASES)

    async def run(self) -> None:
        """Have the phrases spoken; return when all are kept."""
        waits = backoff(1.0, 30.0)
        while not self.complete:
            if not self._servers.candidates("tts"):
                await self._servers.changed()
                continue
            for job in PHRASES.keys() - self._kept.keys():
                await self._speak(job)
            if not self.complete:
                with suppress(TimeoutError):
                    async with asyncio.timeout(next(waits)):
                        await self._servers.changed()

    async def say(self, job: str, write: Write) -> None:
        """Apologise that nobody could do `job`: in words if they are kept or can be had now, else by a tone."""
        if job not in self._kept and job != "tts":
            await self._speak(job)
        for pcm, sound in self._kept.get(job, [(tones.sorry(), tones.FORMAT)]):
            await write(pcm, sound)

    async def _speak(self, job: str) -> None:
        if pieces := await render(self._servers, PHRASES[job], voice=self._voice, patience=_PATIENCE):
            self._kept[job] = pieces
