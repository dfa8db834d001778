"""Recorded sound as a microphone: silence at live speed, until a clip is played into it. For files, demo and bench."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wyoming_servers.wire.audio import RATE, WIDTH, read_wav

from .loudness import audible_edges
from .microphone import CHUNK_BYTES, CHUNK_SAMPLES, Intake, Microphone, MicrophoneError

QUIET_S = 1.5
"""Least silence after each clip."""


@dataclass(frozen=True, slots=True)
class ClipTimes:
    """When a clip was played, by `time.monotonic()`."""

    began: float
    """Its first sample."""

    speech_began: float
    """The beginning of its first audible 10 ms frame."""

    speech_ended: float
    """The true end of speech: the end of its last audible frame."""

    ended: float
    """Its last sample."""


@dataclass(slots=True)
class _Playing:
    """A clip on its way."""

    pcm: bytes
    ended: asyncio.Future[None]
    began: float = 0.0
    offset: int = 0

    def next(self, now: float) -> bytes:
        """Return the piece that begins at `now`."""
        if not self.offset:
            self.began = now
        piece = self.pcm[self.offset : self.offset + CHUNK_BYTES]
        self.offset += len(piece)
        return piece


class ClipMicrophone(Microphone):
    """Plays what it is told to, at live speed, and silence (zeros) otherwise."""

    name = "recorded sound"

    def __init__(self) -> None:
        self._clip: _Playing | None = None
        self._one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def play(self, pcm: bytes) -> ClipTimes:
        """Play `pcm` (16 kHz 16-bit mono) and return when it was heard, after its last sample.

        One clip at a time; another waits. If cancelled, the clip breaks off. Raises `MicrophoneError` for a clip in
        which nothing can be heard.
        """
        edges = audible_edges(pcm, RATE)
        if edges is None:
            raise MicrophoneError("the clip is silent: there is nothing to hear in it")
        async with self._one:
            clip = self._clip = _Playing(pcm, asyncio.get_running_loop().create_future())
            try:
                await clip.ended
            finally:
                self._clip = None
        began = clip.began
        return ClipTimes(began, began + edges[0], began + edges[1], began + len(pcm) / (RATE * WIDTH))

    async def _open(self) -> None:
        self.intake = Intake()
        self._task = asyncio.create_task(self._run())

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Give a chunk when its last sample would have been captured; after a delay, those that are late at once."""
        now = time.monotonic()
        while True:
            clip = self._clip
            piece = clip.next(now) if clip is not None else b""
            now += CHUNK_SAMPLES / RATE
            await asyncio.sleep(now - time.monotonic())
            self.intake.push(piece.ljust(CHUNK_BYTES, b"\0"), now)
            if clip is not None and clip.offset >= len(clip.pcm) and not clip.ended.done():
                clip.ended.set_result(None)
                self._clip = None


def find_clips(path: Path) -> list[Path]:
    """Return the WAV file `path`, or those in the folder `path` by name; raise `MicrophoneError` for neither."""
    if not path.exists():
        raise MicrophoneError(f"{path}: no such file or folder; --mic-file takes a WAV file or a folder of them")
    clips = sorted(path.glob("*.wav")) if path.is_dir() else [path]
    if not clips:
        raise MicrophoneError(f"{path}: the folder holds no .wav file")
    return clips


async def play_files(microphone: ClipMicrophone, clips: Sequence[Path], ready: Callable[[], Awaitable[object]]) -> None:
    """Play each clip once `ready()` returns (the house listens), with at least 1.5 s of silence after it.

    Raises `UnsupportedAudio`, naming the file, for one that is no WAV.
    """
    for clip in clips:
        pcm = await asyncio.to_thread(read_wav, clip)
        await ready()
        await microphone.play(pcm)
        await asyncio.sleep(QUIET_S)
