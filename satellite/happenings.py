"""What happens in a satellite that somebody may want to act on: the names of the options `--on-…`.

They are wyoming-satellite's, in which they are called `--…-command`. The states of a satellite (`report.State`) may be
acted on in the same way. Those of connections, and of timers but their end, are of satellites for Home Assistant.
"""

from __future__ import annotations

from enum import StrEnum


class Happening(StrEnum):
    """Something that happened; what is said of each is in the text that goes with it."""

    STARTUP = "startup"
    """The satellite runs."""

    DETECT = "detect"
    """A wake word is listened for."""

    DETECTION = "detection"
    """A wake word was heard: its name."""

    STREAMING_START = "streaming-start"
    """Sound goes to whoever writes down what is said."""

    STREAMING_STOP = "streaming-stop"
    """It goes there no more."""

    STT_START = "stt-start"
    """Somebody began to speak."""

    STT_STOP = "stt-stop"
    """They have stopped."""

    TRANSCRIPT = "transcript"
    """What was said."""

    SYNTHESIZE = "synthesize"
    """What is answered, as text."""

    TTS_START = "tts-start"
    """Sound of an answer, or of an announcement, begins to come."""

    TTS_STOP = "tts-stop"
    """All of it has come."""

    TTS_PLAYED = "tts-played"
    """All of it was heard."""

    ERROR = "error"
    """What went wrong."""

    CONNECTED = "connected"
    """Home Assistant is there."""

    DISCONNECTED = "disconnected"
    """Home Assistant is gone."""

    TIMER_STARTED = "timer-started"
    """A timer was set: JSON with its id, name and total_seconds."""

    TIMER_UPDATED = "timer-updated"
    """A timer was paused, resumed or changed: JSON with its id, is_active, and the total_seconds that are left."""

    TIMER_CANCELLED = "timer-cancelled"
    """A timer was cancelled: its id."""

    TIMER_FINISHED = "timer-finished"
    """A timer rings: its id."""
