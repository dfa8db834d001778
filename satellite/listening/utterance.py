"""What somebody says: sound that streams to a server while it is spoken, and again to the next one if that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from satellite.sound.microphone import CHUNK_SAMPLES, Chunk
from satellite.turns.replay import Replay
from wyoming_servers.wire.audio import RATE

LONGEST_S = 15.0
"""Of one utterance after its pre-roll, as in Home Assistant; it bounds the sound that is kept for a replay."""


class Utterance:
    """Filled by the ear, read by a turn. Places in it are counted in samples from its first one, pre-roll included."""

    def __init__(self, pre_roll: Iterable[Chunk], voice_at: int) -> None:
        """`voice_at` is the place where the voice begins; it lies within the pre-roll."""
        self._sound: Replay[Chunk] = Replay()
        for chunk in pre_roll:
            self._sound.append(chunk)
        first = self._sound.items[0].time if self._sound.items else 0.0
        self.voice_began = first + voice_at / RATE
        """Monotonic time."""
        self._longest = len(self._sound.items) * CHUNK_SAMPLES + round(LONGEST_S * RATE)
        self._quiet_from: int | None = None
        self.wake_word: str | None = None
        """By which the house was called for it."""
        self.is_silent = False
        """Whether nobody has begun to speak in it so far."""

    @property
    def samples(self) -> int:
        """How much there is of it so far."""
        return len(self._sound.items) * CHUNK_SAMPLES

    @property
    def ended(self) -> bool:
        """Whether nothing more will be added."""
        return self._sound.ended

    def add(self, chunk: Chunk) -> None:
        """Hear on; the longest utterance ends by itself."""
        self._sound.append(chunk)
        if self.samples >= self._longest:
            self.end()

    def voice(self, quiet_from: int | None) -> None:
        """Learn that the voice fell silent at a place, or (None) that it goes on."""
        self._quiet_from = quiet_from
        if quiet_from is None:
            self.is_silent = False

    def await_voice(self, seconds: float) -> None:
        """Learn that nobody speaks yet; it ends where nobody begins to within `seconds` of its first sample."""
        self._quiet_from, self.is_silent = round(seconds * RATE), True

    def end(self) -> None:
        """Say that nothing more will come: the turn knows what was said, or the microphone is gone."""
        self._sound.end()

    async def read(self, silence: float) -> AsyncIterator[Chunk]:
        """Yield its chunks from the first on, as they come, until the voice has been silent for `silence` seconds."""
        samples = 0
        async for chunk in self._sound:
            yield chunk
            samples += CHUNK_SAMPLES
            if self._quiet_from is not None and samples >= self._quiet_from + silence * RATE:
                return
