"""What the satellite says and rings, one sound after the other, each from its first byte to its true end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from enum import StrEnum

from satellite.sound.speaker import Playback, Speaker, SpeakerError
from satellite.ulid import new_ulid
from wyoming_servers.wire import Busy, UnsupportedAudio
from wyoming_servers.wire.audio import Format

_LOGGER = logging.getLogger(__name__)

WAITING_BYTES = 16 * 1024 * 1024
"""Of one sound, not yet played; six minutes of what Home Assistant sends, which comes much faster than it is heard.
Beyond it, whoever sends waits."""

WAITING_SOUNDS = 16
"""More than that at once is no house."""

SILENT_S = 30.0
"""A sound of which no more comes for so long is over, although nobody said so."""


class Kind(StrEnum):
    """What a sound is for."""

    CHIME = "chime"
    """Tells that the satellite listens, or has heard."""

    SPEECH = "speech"
    """An answer or an announcement, from Home Assistant."""

    TIMER = "timer"
    """A timer rings."""

    SORRY = "sorry"
    """Something went wrong, and nobody can say it in words."""


class Sound:
    """Something to be heard, which may still grow while it is playing."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.stopped = False
        """Whether it was cut off, or could not be heard."""
        self._pieces: deque[tuple[bytes, Format]] = deque()
        self._bytes = 0
        self._complete = False
        self._changed = asyncio.Event()

    def write(self, pcm: bytes, format: Format) -> None:  # noqa: A002 - the field's own word
        """Add to it, in rate, width and channels of `format`; after its end, or a stop, that is dropped."""
        if not self._complete:
            self._pieces.append((pcm, format))
            self._bytes += len(pcm)
            self._changed.set()

    def end(self) -> None:
        """Say that it is complete."""
        self._complete = True
        self._changed.set()

    def stop(self) -> None:
        """Drop what is still to be heard."""
        self.stopped = True
        self._pieces.clear()
        self._bytes = 0
        self.end()

    @property
    def is_full(self) -> bool:
        """Whether it should grow no more until some of it was played."""
        return self._bytes > WAITING_BYTES

    async def room(self) -> None:
        """Wait while it is full."""
        while self.is_full:
            self._changed.clear()
            await self._changed.wait()

    async def pieces(self) -> AsyncIterator[tuple[bytes, Format]]:
        """Yield what it is made of, as it comes; end where nothing has come for `SILENT_S` seconds."""
        while True:
            while self._pieces:
                pcm, sound = self._pieces.popleft()
                self._bytes -= len(pcm)
                self._changed.set()
                yield pcm, sound
            if self._complete:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(SILENT_S):
                    await self._changed.wait()
            except TimeoutError:
                _LOGGER.warning("no more of a sound came for %g s, and nobody said that it is over", SILENT_S)
                self.end()


class Mouth:
    """Plays sounds in their order."""

    def __init__(self, speaker: Speaker) -> None:
        self.ended: Callable[[Sound], None] = lambda _: None
        """Called once for each sound: it was heard to its end, was stopped, or could not be heard."""
        self._speaker = speaker
        self._sounds: deque[Sound] = deque()
        self._playback: Playback | None = None
        self._wanted = asyncio.Event()

    def open(self, kind: Kind) -> Sound:
        """Return a new sound, to be heard after those that are already there; raise `Busy` where they are too many."""
        if len(self._sounds) >= WAITING_SOUNDS:
            raise Busy(f"{WAITING_SOUNDS} sounds wait to be heard already; send the next when some were played")
        sound = Sound(kind)
        self._sounds.append(sound)
        self._wanted.set()
        return sound

    def say(self, kind: Kind, pcm: bytes, format: Format) -> None:  # noqa: A002
        """Let a whole sound of our own be heard, unless too many wait: nobody is there to be told."""
        try:
            sound = self.open(kind)
        except Busy:
            _LOGGER.warning("a %s is left out: %d sounds wait to be heard already", kind, WAITING_SOUNDS)
            return
        sound.write(pcm, format)
        sound.end()

    @property
    def busy(self) -> bool:
        """Whether anything is heard, or waits to be."""
        return any(not sound.stopped for sound in self._sounds)

    def has(self, *kinds: Kind) -> bool:
        """Return whether a sound of these kinds is heard, or waits to be."""
        return any(sound.kind in kinds and not sound.stopped for sound in self._sounds)

    def stop(self, *kinds: Kind) -> None:
        """Let nothing of these kinds be heard any more, from now on; of any kind where none is given."""
        for sound in [sound for sound in self._sounds if not kinds or sound.kind in kinds]:
            self.drop(sound)

    def drop(self, sound: Sound) -> None:
        """Let a sound be heard no more; one that was heard to its end stays so."""
        if sound in self._sounds and not sound.stopped:
            sound.stop()
            if sound is not self._sounds[0]:
                self._sounds.remove(sound)  # it takes no place from another, however long the speaker takes to stop
            elif self._playback is not None:
                self._playback.stop()
            self.ended(sound)

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            while self._sounds:
                sound = self._sounds[0]
                was_stopped = False
                try:
                    await self._play(sound)
                    was_stopped = sound.stopped
                except (SpeakerError, UnsupportedAudio) as error:
                    _LOGGER.error("%s", error)  # noqa: TRY400 - the message says it all
                    was_stopped = sound.stopped
                    sound.stop()
                finally:
                    self._playback = None
                    self._sounds.popleft()
                if not was_stopped:
                    self.ended(sound)
            self._wanted.clear()
            await self._wanted.wait()

    async def _play(self, sound: Sound) -> None:
        if sound.stopped:
            return
        async with self._speaker.play(f"{sound.kind}-{new_ulid()}") as playback:
            self._playback = playback
            if sound.stopped:
                playback.stop()
            async for pcm, format_ in sound.pieces():
                await playback.write(pcm, format_)
