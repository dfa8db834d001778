"""Image classification, which Wyoming lacks.

A client sends `classify` once, if it wants other figures than the server's, then `image` events. It may have as many
images unanswered as the server's last `image-credit` says, one until then. Every image is answered by exactly one
`classification` with the same `id`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wyoming.event import Event, Eventable

from wyoming_servers.wire._fields import Fields

__all__ = ["FORMATS", "STATUSES", "Classification", "Classify", "Image", "ImageCredit", "LabelScore"]

_CLASSIFY_TYPE = "classify"
_IMAGE_TYPE = "image"
_CREDIT_TYPE = "image-credit"
_CLASSIFICATION_TYPE = "classification"

FORMATS = ("jpeg", "png")
STATUSES = ("ok", "expired", "superseded", "busy", "invalid")
"""ok; deadline passed with no inference spent; a newer image of this connection took its place; no room; no picture."""

_LARGEST_SIDE = 65_535
_LONGEST_ID = 128


@dataclass
class Classify(Eventable):
    """How the images that follow on this connection are to be classified."""

    name: str | None = None
    """Name of the model to use"""

    top_k: int | None = None
    """How many labels an answer has at most"""

    threshold: float | None = None
    """Least score, 0 to 1, of a label that is answered; none has less than 0.01, or where it has a box than 0.1"""

    context: dict[str, Any] | None = None
    """Context for next interaction."""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `classify`."""
        return event_type == _CLASSIFY_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        given = {"name": self.name, "top_k": self.top_k, "threshold": self.threshold, "context": self.context}
        return Event(type=_CLASSIFY_TYPE, data={name: value for name, value in given.items() if value is not None})

    @staticmethod
    def from_event(event: Event) -> Classify:
        """Read the event; raise `BadValue` for what it cannot be."""
        fields = Fields(_CLASSIFY_TYPE, event.data)
        given = event.data.get("threshold") is not None
        return Classify(
            name=fields.optional_text("name"),
            top_k=fields.optional_whole("top_k", least=1, most=1000),
            threshold=fields.number("threshold", least=0, most=1) if given else None,
            context=fields.optional_object("context"),
        )


@dataclass
class Image(Eventable):
    """One picture to classify."""

    id: str
    """Chosen by the client; the answer carries it"""

    format: str
    """jpeg or png"""

    width: int
    """Pixels"""

    height: int
    """Pixels"""

    image: bytes = field(repr=False)
    """The picture, encoded as `format` says"""

    timestamp: int | None = None
    """Milliseconds of the client's clock; echoed, never compared"""

    deadline_ms: int | None = None
    """Milliseconds from receipt for which the answer is worth having"""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `image`."""
        return event_type == _IMAGE_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        data: dict[str, Any] = {"id": self.id, "format": self.format, "width": self.width, "height": self.height}
        if self.timestamp is not None:
            data["timestamp"] = self.timestamp
        if self.deadline_ms is not None:
            data["deadline_ms"] = self.deadline_ms
        return Event(type=_IMAGE_TYPE, data=data, payload=self.image)

    @staticmethod
    def from_event(event: Event) -> Image:
        """Read the event; raise `BadValue` for what it cannot be. Whether the payload is a picture is not looked at."""
        fields = Fields(_IMAGE_TYPE, event.data)
        return Image(
            id=image_id(fields),
            format=fields.choice("format", FORMATS),
            width=fields.whole("width", least=1, most=_LARGEST_SIDE),
            height=fields.whole("height", least=1, most=_LARGEST_SIDE),
            timestamp=fields.optional_whole("timestamp"),
            deadline_ms=fields.optional_whole("deadline_ms"),
            image=event.payload or b"",
        )


@dataclass
class ImageCredit(Eventable):
    """How many images of this connection may be unanswered at once, from now on."""

    credits: int
    """At least 1"""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `image-credit`."""
        return event_type == _CREDIT_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        return Event(type=_CREDIT_TYPE, data={"credits": self.credits})

    @staticmethod
    def from_event(event: Event) -> ImageCredit:
        """Read the event; raise `BadValue` for what it cannot be."""
        return ImageCredit(credits=Fields(_CREDIT_TYPE, event.data).whole("credits", least=1, most=1000))


@dataclass
class LabelScore:
    """Something seen in a picture."""

    name: str
    """What it is"""

    index: int
    """Its place among the model's labels"""

    score: float
    """0 to 1"""

    box: tuple[float, float, float, float] | None = None
    """Left edge, top edge, width and height, each 0 to 1 of the picture sent"""

    def to_dict(self) -> dict[str, Any]:
        """Return what the event carries."""
        data: dict[str, Any] = {"name": self.name, "index": self.index, "score": self.score}
        if self.box is not None:
            data["box"] = list(self.box)
        return data

    @staticmethod
    def from_fields(fields: Fields) -> LabelScore:
        """Read one label; raise `BadValue` for what it cannot be."""
        box = fields.numbers("box", 4, least=0, most=1)
        return LabelScore(
            name=fields.text("name"),
            index=fields.whole("index"),
            score=fields.number("score", least=0, most=1),
            box=(box[0], box[1], box[2], box[3]) if box is not None else None,
        )


@dataclass
class Classification(Eventable):
    """The answer to one image."""

    id: str
    """The image's"""

    model: str
    """Name of the model that was used"""

    status: str
    """ok, expired, superseded, busy or invalid"""

    labels: list[LabelScore] = field(default_factory=list)
    """Best first; empty unless ok"""

    queued_ms: int = 0
    """Milliseconds from receipt to the start of inference, or to the answer where there was none"""

    inference_ms: int = 0
    """Milliseconds"""

    timestamp: int | None = None
    """The image's"""

    text: str | None = None
    """For people: why, where the status is not ok"""

    @staticmethod
    def is_type(event_type: str) -> bool:
        """Return True for `classification`."""
        return event_type == _CLASSIFICATION_TYPE

    def event(self) -> Event:
        """Return the event to send."""
        data: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "status": self.status,
            "labels": [label.to_dict() for label in self.labels],
            "queued_ms": self.queued_ms,
            "inference_ms": self.inference_ms,
        }
        if self.timestamp is not None:
            data["timestamp"] = self.timestamp
        if self.text is not None:
            data["text"] = self.text
        return Event(type=_CLASSIFICATION_TYPE, data=data)

    @staticmethod
    def from_event(event: Event) -> Classification:
        """Read the event; raise `BadValue` for what it cannot be."""
        fields = Fields(_CLASSIFICATION_TYPE, event.data)
        return Classification(
            id=image_id(fields),
            model=fields.text("model"),
            status=fields.choice("status", STATUSES),
            labels=[LabelScore.from_fields(label) for label in fields.objects("labels")],
            queued_ms=fields.whole("queued_ms", default=0),
            inference_ms=fields.whole("inference_ms", default=0),
            timestamp=fields.optional_whole("timestamp"),
            text=fields.optional_text("text"),
        )


def image_id(fields: Fields) -> str:
    """Return the id of an image, 1 to 128 characters."""
    value = fields.text("id")
    if not 0 < len(value) <= _LONGEST_ID:
        fields.choice("id", (f"1 to {_LONGEST_ID} characters",))
    return value
