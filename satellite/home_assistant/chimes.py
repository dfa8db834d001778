"""The satellite's own sounds: files of the user's, or tones that are made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satellite.sound import tones
from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import WIDTH, Format, read_wav

LONGEST_S = 10.0
"""A chime keeps the microphone from being heard."""

Clip = tuple[bytes, Format]
"""Samples and their format."""


@dataclass(frozen=True)
class Chimes:
    """What is played when; None where nothing is."""

    awake: Clip | None = None
    """The satellite listens."""

    done: Clip | None = None
    """It has heard what was said."""

    timer: Clip = (tones.chime(), tones.FORMAT)
    """A timer rings."""

    sorry: Clip = (tones.sorry(), tones.FORMAT)
    """Something went wrong, and nobody can say it in words."""


def open_chime(path: str | None, tone: bytes) -> Clip | None:
    """Return what is in a WAV file, or the tone where the path is empty, or None where it is None.

    Raises `UnsupportedAudio`, naming the file, where it cannot be read or is longer than 10 s.
    """
    if path is None:
        return None
    if not path:
        return tone, tones.FORMAT
    pcm = read_wav(Path(path), tones.RATE)
    if len(pcm) > LONGEST_S * tones.RATE * WIDTH:
        raise UnsupportedAudio(f"{path}: a chime takes at most {LONGEST_S:g} s; nothing is heard while it plays")
    return pcm, tones.FORMAT
