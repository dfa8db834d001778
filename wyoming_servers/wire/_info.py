"""What a server offers: the library's `Info`, and two lists that it lacks, shaped like its own."""

# The library reads the types of fields as they stand, so `from __future__ import annotations` cannot be used here.

from dataclasses import dataclass, field, fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin

from wyoming import info as wyoming_info
from wyoming.event import Event
from wyoming.info import Artifact

from wyoming_servers.wire._errors import BadValue
from wyoming_servers.wire._fields import shown

JOBS = ("vad", "wake", "asr", "handle", "tts", "image", "intent", "mic", "snd")
"""The lists of an Info; the first six are the jobs of a house."""


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
    def from_event(event: Event) -> "Info":
        """Read the event, whoever made it; raise `BadValue` for what it cannot be."""
        data = {name: value for name, value in event.data.items() if value is not None}
        try:
            known = wyoming_info.Info.from_event(Event(type=event.type, data=data))
            info = Info(
                **{name: getattr(known, name) for name in wyoming_info.Info.__dataclass_fields__},
                vad=[VadProgram.from_dict(program) for program in data.get("vad", [])],
                image=[ImageProgram.from_dict(program) for program in data.get("image", [])],
            )
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise BadValue(f"'info' is not complete: {error}"[:300]) from error
        _check(info, Info, "info")
        return info


def _check(value: Any, wanted: Any, name: str) -> None:
    """Raise `BadValue` where `value` is not of the type `wanted`: the library's reader takes any."""
    if get_origin(wanted) is list:
        if not isinstance(value, list):
            raise BadValue(f"'{name}' takes a list, not {shown(value)}")
        for index, item in enumerate(value):
            _check(item, get_args(wanted)[0], f"{name}[{index}]")
    elif NoneType in get_args(wanted):
        if value is not None:
            _check(value, get_args(wanted)[0], name)
    elif not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise BadValue(f"'{name}' takes {wanted.__name__}, not {shown(value)}")
    elif is_dataclass(wanted):
        for item in fields(wanted):
            _check(getattr(value, item.name), item.type, f"{name}.{item.name}")
