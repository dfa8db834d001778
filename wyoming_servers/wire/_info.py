"""What a server offers: the library's `Info`, and two lists that it lacks, shaped like its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wyoming import info as wyoming_info
from wyoming.event import Event
from wyoming.info import Artifact

from ._errors import BadValue
from ._fields import Fields

JOBS = ("vad", "asr", "handle", "tts", "image", "intent", "wake", "mic", "snd")
"""The lists of an Info; the first five are the jobs of a house."""


@dataclass
class VadModel(Artifact):
    """Voice activity model."""


@dataclass
class VadProgram(Artifact):
    """Voice activity detection service."""

    models: list[VadModel]
    """List of available models."""


@dataclass
class ImageModel(Artifact):
    """Image classification model."""

    labels: int
    """How many labels it tells apart."""


@dataclass
class ImageProgram(Artifact):
    """Image classification service."""

    models: list[ImageModel]
    """List of available models."""


@dataclass
class Info(wyoming_info.Info):
    """Response to describe message. Programs that know only Wyoming do not see the added lists."""

    vad: list[VadProgram] = field(default_factory=list)
    """Voice activity detection services."""

    image: list[ImageProgram] = field(default_factory=list)
    """Image classification services."""

    @property
    def jobs(self) -> list[str]:
        """The jobs that this server does, for which at least one program is installed."""
        return [job for job in JOBS if any(program.installed for program in getattr(self, job))]

    def event(self) -> Event:
        """Return the event to send."""
        event = super().event()
        for job in ("vad", "image"):
            if programs := getattr(self, job):
                event.data[job] = [program.to_dict() for program in programs]
        return event

    @staticmethod
    def from_event(event: Event) -> Info:
        """Read the event, whoever made it; raise `BadValue` for what it cannot be."""
        fields = Fields("info", event.data)
        for job in JOBS:
            fields.objects(job)
        try:
            known = wyoming_info.Info.from_event(event)
            return Info(
                **{name: getattr(known, name) for name in wyoming_info.Info.__dataclass_fields__},
                vad=[VadProgram.from_dict(program) for program in _list(event, "vad")],
                image=[ImageProgram.from_dict(program) for program in _list(event, "image")],
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadValue(f"'info' is not complete: {error}") from error


def _list(event: Event, name: str) -> list[dict[str, Any]]:
    return event.data.get(name) or []
