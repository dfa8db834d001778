"""The sound that Home Assistant sends: answers and announcements, which look alike, and are acknowledged when heard."""

from __future__ import annotations

from wyoming.event import Event
from wyoming.snd import Played

from wyoming_servers.wire import BadValue
from wyoming_servers.wire.audio import chunk_format

from .link import Link
from .mouth import Kind, Mouth, Sound


class Incoming:
    """Makes sounds of what comes. An `audio-start` ends the sound before it, should that have been forgotten."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth
        self._sound: Sound | None = None
        self._owners: dict[Sound, Link] = {}

    def open(self, link: Link) -> Sound:
        """Begin another sound; raise `Busy` where too many wait."""
        self.end()
        self._sound = self._mouth.open(Kind.SPEECH)
        self._owners[self._sound] = link
        return self._sound

    @property
    def sound(self) -> Sound | None:
        """The one that still comes; what comes of one that was stopped is dropped by it."""
        return self._sound

    def end(self) -> None:
        """Learn that no more of it will come."""
        if self._sound is not None:
            self._sound.end()
            self._sound = None

    def played(self, sound: Sound) -> Link | None:
        """Tell who sent it that a sound was played; return who that was.

        Home Assistant does not ask of which sound: the first `played` ends its waiting for an announcement. So while
        another one of its sounds is to be heard, it is told when that was played.
        """
        owner = self._owners.pop(sound, None)
        if owner is not None and owner not in self._owners.values():
            owner.send(Played())
        return owner


def sound_in(event: Event) -> bytes:
    """Return the samples of an `audio-chunk`; raise `UnsupportedAudio` or `BadValue` where they are none."""
    _, width, channels = chunk_format(event)
    pcm = event.payload or b""
    if len(pcm) % (width * channels):
        raise BadValue(f"{len(pcm)} bytes in 'audio-chunk' are no whole samples of {width * channels} bytes")
    return pcm
