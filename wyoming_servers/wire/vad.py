"""Voice activity detection: what Wyoming has (`voice-started`, `voice-stopped`) and what it lacks.

A client sends `detect-voice` if it wants other figures than the server's, then `audio-start`, chunks and `audio-stop`.
The server answers `voice-started` and `voice-stopped` with the milliseconds since `audio-start` at which it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wyoming.event import Event, Eventable
from wyoming.vad import VoiceStarted, VoiceStopped

from wyoming_servers.wire._fields import Fields

__all__ = ["DetectVoice", "VoiceActivity", "VoiceStarted", "VoiceStopped"]

_DETECT_TYPE = "detect-voice"
_ACTIVITY_TYPE = "voice-activity"
_LONGEST_MS = 60_000


@dataclass
class DetectVoice(Eventable):
    """How the next stream is to be judged; sent before `audio-start`. What is None is the server's to choose."""

    threshold: float | None = None
    """Probability of speech, 0 to 1, at which a window counts as speech."""

    min_silence_ms: int | None = None
    """Milliseconds of silence that end speech."""

    min_speech_ms: int | None = None
    """Milliseconds of speech that start it."""

    activity: bool = False
    """True to be sent `voice-activity` for every window."""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `detect-voice`."""
        return event_type == _DETECT_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        data: dict[str, Any] = {"activity": self.activity}
        for name in ("threshold", "min_silence_ms", "min_speech_ms"):
            if (value := getattr(self, name)) is not None:
                data[name] = value
        return Event(type=_DETECT_TYPE, data=data)

    @staticmethod
    def from_event(event: Event) -> DetectVoice:
        """Read the event; raise `BadValue` for what it cannot be."""
        fields = Fields(_DETECT_TYPE, event.data)
        given = event.data.get("threshold") is not None
        return DetectVoice(
            threshold=fields.number("threshold", least=0, most=1) if given else None,
            min_silence_ms=fields.optional_whole("min_silence_ms", most=_LONGEST_MS),
            min_speech_ms=fields.optional_whole("min_speech_ms", most=_LONGEST_MS),
            activity=fields.flag("activity", default=False),
        )


@dataclass
class VoiceActivity(Eventable):
    """How likely one window of audio is speech."""

    timestamp: int
    """Milliseconds from audio-start to the window's beginning"""

    probability: float
    """0 to 1"""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `voice-activity`."""
        return event_type == _ACTIVITY_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        return Event(type=_ACTIVITY_TYPE, data={"timestamp": self.timestamp, "probability": self.probability})

    @staticmethod
    def from_event(event: Event) -> VoiceActivity:
        """Read the event; raise `BadValue` for what it cannot be."""
        fields = Fields(_ACTIVITY_TYPE, event.data)
        return VoiceActivity(
            timestamp=fields.whole("timestamp"), probability=fields.number("probability", least=0, most=1)
        )
