"""The house's mouth: sound of any format in, heard at live speed, with a true beginning and a true end.

A `Speaker` plays one thing after the other into a `Sink` of its own each: a sound device, a command or a folder.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from wyoming_servers.wire.audio import WIDTH, AudioConverter, Format

from .loudness import Loudness
from .playhead import Playhead

AHEAD_S = 20.0
"""Sound taken before it is heard; beyond it `write` waits. So a server has done its work long before the house has
said it, and a stop still drops everything."""


class SpeakerError(Exception):
    """Nothing can be heard; the message says why, in one line, and what to do."""


class Sink(ABC):
    """Where 16-bit mono sound of `rate` hertz goes: opened, written, then either ended and drained, or stopped."""

    latency: float = 0.0
    """Seconds from writing to hearing."""

    path: Path | None = None
    """The file that keeps the sound, where there is one."""

    volume: Callable[[], int] = staticmethod(lambda: 100)
    """Tells in how many percent of its loudness sound is to be heard now."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._factor: float | None = None  # of the last sample
        self.gone = asyncio.Event()
        """Set once nothing that was written is heard any more: it was stopped, or it broke."""

    @abstractmethod
    async def open(self) -> None:
        """Be ready to play; raise `SpeakerError`."""

    def loud(self, pcm: bytes) -> bytes:
        """Return 16-bit mono sound as loud as is wanted now, without a step from what went before.

        A sink does so with all that was put, as late as it can. From one thread at a time.
        """
        wanted = self.volume() / 100
        before, self._factor = wanted if self._factor is None else self._factor, wanted
        if before == wanted == 1:
            return pcm
        samples = np.frombuffer(pcm, "<i2")
        return (samples * np.linspace(before, wanted, len(samples), dtype=np.float32)).astype("<i2").tobytes()

    @abstractmethod
    async def put(self, pcm: bytes) -> None:
        """Play this after what was put before, without waiting until it is heard; raise `SpeakerError`."""

    async def end(self) -> None:  # noqa: B027 - not every sink needs to know
        """Learn that nothing more will be put."""

    @abstractmethod
    async def drain(self) -> None:
        """Return, within a few seconds, now that all should have been heard; raise `SpeakerError` if it was not."""

    def stop(self) -> None:
        """Be silent at once. May be called at any time, and again."""
        self.gone.set()

    async def close(self) -> None:  # noqa: B027 - not every sink holds something
        """Release what it holds; called last, after `stop`, always."""


class Playback:
    """One thing that is said: used in `async with`, which plays it to its end, or stops it when left by an error."""

    def __init__(self, speaker: Speaker, sink: Sink, clock: Callable[[], float]) -> None:
        self.stopped = False
        self.ended: float | None = None
        """Monotonic time at which the last of it was heard, or it was stopped."""
        self._speaker = speaker
        self._sink = sink
        sink.volume = lambda: speaker.volume
        self._clock = clock
        self._converter: AudioConverter | None = None
        self._format: Format | None = None
        self._loudness = Loudness(sink.rate)
        self._playhead = Playhead(sink.rate)

    @property
    def path(self) -> Path | None:
        """The file that keeps the sound, where there is one."""
        return self._sink.path

    @property
    def first_sound(self) -> float | None:
        """Monotonic time at which the first audible 10 ms frame of what was written is heard; None before any."""
        edges = self._loudness.edges()
        return None if edges is None else self._playhead.at(edges[0]) + self._sink.latency

    @property
    def seconds(self) -> float:
        """Length of what was written."""
        return self._playhead.samples / self._sink.rate

    @property
    def unheard(self) -> float:
        """Seconds of what was written that are still to be heard."""
        return 0.0 if self.stopped else max(0.0, self._playhead.end + self._sink.latency - self._clock())

    async def write(self, pcm: bytes, format: Format) -> None:  # noqa: A002 - the field's own word
        """Play more, in rate, width and channels of `format`; waits while 20 s lie ahead.

        After a stop it does nothing. Raises `SpeakerError`, and `UnsupportedAudio` for what cannot be sound.
        """
        if self.stopped:
            return
        if self._converter is None or format != self._format:
            before, self._converter = self._converter, AudioConverter(*format, to_rate=self._sink.rate)
            self._format = format
            await self._put(before.flush() if before is not None else b"")
        await self._put(self._converter.convert(pcm))
        if self.unheard > AHEAD_S:
            await self._wait(self.unheard - AHEAD_S)

    async def finished(self) -> None:
        """Return once all was heard or `stop` was called. Raises `SpeakerError`."""
        if self.ended is not None:
            return
        if self._converter is not None:
            await self._put(self._converter.flush())
        if self._playhead.samples:
            await self._sink.end()
            await self._wait(self.unheard)
            if self.stopped:
                return
            await self._sink.drain()
        self.ended = self._clock()

    def stop(self) -> None:
        """Be silent at once; what was not heard never is."""
        if self.ended is None:
            self.stopped = True
            self.ended = self._clock()
        self._sink.stop()

    async def __aenter__(self) -> Self:
        try:
            await self._sink.open()
        except BaseException as error:
            self._failed(error)
            await self._close()
            raise
        self._loudness, self._playhead = Loudness(self._sink.rate), Playhead(self._sink.rate)  # a device has its own
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self.finished()
        except SpeakerError as late:
            self._failed(late)
            raise
        else:
            self._failed(error)
        finally:
            await self._close()

    def _failed(self, error: BaseException | None) -> None:
        """Let the speaker be ill where it failed, and well where it was heard."""
        if isinstance(error, SpeakerError):
            self._speaker.problem = str(error)
        elif error is None and self._playhead.samples and not self.stopped:
            self._speaker.problem = None

    async def _close(self) -> None:
        self.stop()
        await self._sink.close()

    async def _put(self, pcm: bytes) -> None:
        if pcm and not self.stopped:
            self._loudness.add(pcm)
            self._playhead.wrote(len(pcm) // WIDTH, self._clock())
            await self._sink.put(pcm)

    async def _wait(self, seconds: float) -> None:
        """Let so much be heard, or less where the sink is gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._sink.gone.wait()


class Speaker:
    """Makes playbacks. Who calls sees to it that one plays at a time."""

    def __init__(
        self, name: str, open_sink: Callable[[str], Sink], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`open_sink` makes the sink for a playback of the name it is given."""
        self.name = name
        self.volume = 100
        """Percent of the loudness in which sound comes, 0 to 100; what is being played follows it."""
        self.problem: str | None = None
        """Why the last sound could not be heard; None where it was."""
        self._open_sink = open_sink
        self._clock = clock

    def play(self, name: str) -> Playback:
        """Return a new playback; `name` (letters, digits, dashes) becomes its file's, where the sink keeps one."""
        return Playback(self, self._open_sink(name), self._clock)
