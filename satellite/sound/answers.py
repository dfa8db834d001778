"""A folder as a speaker: every answer becomes a WAV file, at live speed. For demo and bench."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from wyoming_servers.wire.audio import WIDTH

from .speaker import Sink, SpeakerError

T = TypeVar("T")

RATE = 22_050
"""Hertz of the files; what most voices speak in."""


class FolderSink(Sink):
    """Keeps one answer; playing it takes as long as it would."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(RATE)
        self._target = folder / f"{name}.wav"
        self._file: wave.Wave_write | None = None

    async def open(self) -> None:
        """Nothing yet: what stays unsaid leaves no file."""

    async def put(self, pcm: bytes) -> None:
        """Add to the file; raise `SpeakerError`, naming it."""
        await self._do(partial(self._add, pcm))
        self.path = self._target

    async def drain(self) -> None:
        """Complete the file; raise `SpeakerError`."""
        await self._do(self._close)

    async def close(self) -> None:
        """Leave in the file what was written."""
        with suppress(SpeakerError):  # it was told when the sound was put
            await self._do(self._close)

    def _add(self, pcm: bytes) -> None:
        if self._file is None:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._file = wave.open(str(self._target), "wb")  # noqa: SIM115 - `_close` closes it
            self._file.setnchannels(1)
            self._file.setsampwidth(WIDTH)
            self._file.setframerate(RATE)
        self._file.writeframesraw(self.loud(pcm))

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    async def _do(self, work: Callable[[], T]) -> T:
        """Let a thread touch the disk."""
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise SpeakerError(f"{self._target}: the answer cannot be written: {error.strerror or error}") from error
