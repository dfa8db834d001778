"""A microphone that does not wait for the sound to pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from satellite.sound.microphone import Chunk, Intake, Microphone, MicrophoneError


class Fast(Microphone):
    """Gives a sound as fast as it is heard, and then fails: time here is only counted in samples."""

    name = "fast"

    def __init__(self, sound: bytes) -> None:
        self._sound = sound

    async def _open(self) -> None:
        self.intake = Intake()
        self.intake._chunks.extend(
            Chunk(self._sound[begin : begin + 640], begin // 2, begin / 32_000)
            for begin in range(0, len(self._sound), 640)
        )
        self.intake.fail(MicrophoneError("the sound is over"))

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        async for chunk in super().__aiter__():
            await asyncio.sleep(0)
            yield chunk

    async def _close(self) -> None:
        pass
