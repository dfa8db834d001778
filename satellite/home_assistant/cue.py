"""What begins a turn with Home Assistant."""

from __future__ import annotations

from enum import StrEnum


class Cue(StrEnum):
    """What begins a turn, besides a button."""

    HERE = "here"
    """A wake word that is heard here."""

    THERE = "there"
    """A wake word that Home Assistant hears; what the microphone gives is always sent to it."""

    THERE_ON_SPEECH = "there-on-speech"
    """The same, but it is sent only when somebody speaks."""

    SPEECH = "speech"
    """Anybody who speaks."""

    NOTHING = "nothing"
    """Nothing else."""
