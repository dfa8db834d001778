"""What every microphone gives, whatever it is: 16 kHz 16-bit mono in chunks of 20 ms, each with its place and time."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Self

from wyoming_servers.wire.audio import RATE, WIDTH, AudioConverter

CHUNK_SAMPLES = RATE // 50
CHUNK_BYTES = CHUNK_SAMPLES * WIDTH

WAITING_CHUNKS = 250
"""Five seconds that may wait for a busy event loop; then the oldest are dropped and counted."""

SILENT_S = 5.0
"""A microphone that gives nothing for so long is taken for broken. (Silence is something: zeros.)"""

GONE_S = 5.0
"""One that gives nothing for so long is told of as gone; to be opened again it may take half as long."""


class MicrophoneError(Exception):
    """There is no sound to be had; the message says why, in one line, and what to do."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """20 ms of sound."""

    pcm: bytes
    """320 samples, 16 kHz, 16-bit signed little-endian, mono."""

    position: int
    """Samples that the microphone captured before this chunk; a gap means that chunks were dropped."""

    time: float
    """`time.monotonic()` when the first of its samples was captured."""

    def hushed(self) -> Chunk:
        """Return as much silence."""
        return replace(self, pcm=bytes(len(self.pcm)))


class Intake:
    """Sound on its way from whoever captures it, in any thread and any format, to the event loop."""

    def __init__(self, rate: int = RATE, width: int = WIDTH, channels: int = 1) -> None:
        """Raise `UnsupportedAudio` for a format that cannot be sound."""
        self.dropped = 0
        """Chunks that nobody took in time."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._converter = AudioConverter(rate, width, channels)
        self._block = width * channels
        self._partial = b""
        self._rest = b""
        self._position = 0
        self._chunks: deque[Chunk] = deque()
        self._error: MicrophoneError | None = None
        self._arrived = asyncio.Event()

    def push(self, pcm: bytes, now: float) -> None:
        """Take sound whose last sample was captured at `now`. From one thread at a time."""
        pcm = self._partial + pcm
        whole = len(pcm) - len(pcm) % self._block
        self._partial = pcm[whole:]
        sound = self._rest + self._converter.convert(pcm[:whole])
        count = len(sound) // CHUNK_BYTES
        began = now - len(sound) / (RATE * WIDTH)
        for index in range(count):
            piece = sound[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            if len(self._chunks) >= WAITING_CHUNKS:
                self._chunks.popleft()
                self.dropped += 1
            self._chunks.append(Chunk(piece, self._position, began + index * CHUNK_SAMPLES / RATE))
            self._position += CHUNK_SAMPLES
        self._rest = sound[count * CHUNK_BYTES :]
        if count:
            self._wake()

    def fail(self, error: MicrophoneError) -> None:
        """Say, from any thread, that no more will come; the reader learns it after what has come."""
        self._error = error
        self._wake()

    async def next(self) -> Chunk:
        """Return the oldest chunk, waiting for it; raise `MicrophoneError` when there will be none."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            self._arrived.clear()
            if self._chunks or self._error is not None:
                continue
            try:
                async with asyncio.timeout(SILENT_S):
                    await self._arrived.wait()
            except TimeoutError:
                raise MicrophoneError(f"the microphone gave no sound for {SILENT_S:g} s") from None
        return self._chunks.popleft()

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._arrived.set()  # waking the loop through its own pipe would cost as much as all the rest
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)


class Microphone(ABC):
    """Opened by `async with`, read by `async for`; it can be opened again after it was lost."""

    name: str
    """For people."""

    intake: Intake

    last: float | None = None
    """`time.monotonic()` when the newest chunk that it gave was captured; None before the first."""

    def problem(self, now: float) -> str | None:
        """Return in one line what is wrong with it at the monotonic time `now`, None where it is well."""
        if self.last is None:
            return "the microphone has given nothing yet"
        silent_s = now - self.last
        return f"the microphone has given nothing for {silent_s:.0f} s" if silent_s > GONE_S else None

    async def __aenter__(self) -> Self:
        """Open it; raise `MicrophoneError`."""
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._close()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Yield chunks at live speed for ever; raise `MicrophoneError` when it is lost."""
        while True:
            chunk = await self.intake.next()
            self.last = chunk.time
            yield chunk

    @abstractmethod
    async def _open(self) -> None:
        """Set `intake` and let it be filled."""

    @abstractmethod
    async def _close(self) -> None:
        """Let nothing be captured any more."""
