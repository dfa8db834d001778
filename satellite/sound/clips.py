"""Recorded sound as a microphone: a quiet room at live speed, and clips played into it. For files, demo and bench."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import RATE, WIDTH, wav_pieces

from .loudness import audible_edges
from .microphone import CHUNK_BYTES, CHUNK_SAMPLES, Intake, Microphone, MicrophoneError

QUIET_S = 1.5
"""Least silence after each clip."""

HISS = 50
"""Loudest sample of the room's noise, 56 dB below the loudest that there is. No microphone gives zeros, and no
recognizer was trained on them: pocketsphinx' score of one sentence over zeros jumps with every millisecond by which it
comes later."""


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


class _Playing:
    """A clip on its way, in chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.began = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._chunks = chunks
        self._is_first = True

    def next(self, now: float) -> bytes:
        """Return the chunk that begins at `now`, or nothing, when the clip is over."""
        if self._is_first:
            self.began, self._is_first = now, False
        try:
            chunk = next(self._chunks, b"")
        except UnsupportedAudio as error:
            self._finish(error)
            return b""
        if not chunk:
            self._finish(None)
        return chunk

    def _finish(self, error: UnsupportedAudio | None) -> None:
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


class ClipMicrophone(Microphone):
    """Plays what it is told to, at live speed, over the noise of a quiet room: samples of up to `hiss`."""

    name = "recorded sound"

    def __init__(self, *, hiss: int = HISS) -> None:
        self._hiss = hiss
        self._clip: _Playing | None = None
        self._one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._random = np.random.default_rng(0)

    async def play(self, pcm: bytes) -> ClipTimes:
        """Play `pcm` (16 kHz 16-bit mono) and return when it was heard, after its last sample.

        One clip at a time; another waits. If cancelled, the clip breaks off. Raises `MicrophoneError` for a clip in
        which nothing can be heard.
        """
        edges = audible_edges(pcm, RATE)
        if edges is None:
            raise MicrophoneError("the clip is silent: there is nothing to hear in it")
        began = await self._play(pcm[place : place + CHUNK_BYTES] for place in range(0, len(pcm), CHUNK_BYTES))
        return ClipTimes(began, began + edges[0], began + edges[1], began + len(pcm) / (RATE * WIDTH))

    async def play_file(self, path: Path) -> None:
        """Play a WAV file, of any length, and return after its last sample.

        Raises `UnsupportedAudio`, naming the file, where it cannot be read.
        """
        with closing(_read(path)) as chunks:
            await self._play(chunks)

    async def _play(self, chunks: Iterator[bytes]) -> float:
        async with self._one:
            clip = self._clip = _Playing(chunks)
            try:
                await clip.ended
            finally:
                self._clip = None
        return clip.began

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
            chunk = clip.next(now) if clip is not None else b""
            now += CHUNK_SAMPLES / RATE
            await asyncio.sleep(now - time.monotonic())
            self.intake.push(self._over_hiss(chunk.ljust(CHUNK_BYTES, b"\0")), now)

    def _over_hiss(self, pcm: bytes) -> bytes:
        hiss = self._random.integers(-self._hiss, self._hiss, CHUNK_SAMPLES, dtype=np.int32, endpoint=True)
        return np.clip(np.frombuffer(pcm, "<i2") + hiss, -32768, 32767).astype("<i2").tobytes()


def find_clips(path: Path) -> list[Path]:
    """Return the WAV file `path`, or those in the folder `path` by name.

    Raises `MicrophoneError` where there is none, and `UnsupportedAudio`, naming the file, for one that cannot be read.
    """
    if not path.exists():
        raise MicrophoneError(f"{path}: no such file or folder; --mic-file takes a WAV file or a folder of them")
    clips = sorted(path.glob("*.wav")) if path.is_dir() else [path]
    if not clips:
        raise MicrophoneError(f"{path}: the folder holds no .wav file")
    for clip in clips:
        with closing(_read(clip)) as chunks:
            if not next(chunks, b""):
                raise UnsupportedAudio(f"{clip}: the file holds no sound")
    return clips


async def play_files(microphone: ClipMicrophone, clips: Sequence[Path], ready: Callable[[], Awaitable[object]]) -> None:
    """Play each clip once `ready()` returns (the house listens), with at least 1.5 s of silence after it.

    Raises `UnsupportedAudio`, naming the file, for one that cannot be read.
    """
    for clip in clips:
        await ready()
        await microphone.play_file(clip)
        await asyncio.sleep(QUIET_S)


def _read(path: Path) -> Generator[bytes, None, None]:
    """Yield what is in a WAV file in chunks of 20 ms, however long it is. Raises as `wav_pieces`."""
    sound = b""
    for piece in wav_pieces(path):
        sound += piece
        while len(sound) >= CHUNK_BYTES:
            yield sound[:CHUNK_BYTES]
            sound = sound[CHUNK_BYTES:]
    if sound:
        yield sound
