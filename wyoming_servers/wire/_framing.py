"""Bytes to events and back, without any input or output of its own.

One event on the wire is one line of JSON (`type`, optional `data`, `data_length`, `payload_length`), then
`data_length` bytes of JSON merged over `data`, then `payload_length` bytes of payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

from wyoming.event import Event

from wyoming_servers.wire._errors import BadValue, Busy, ProtocolError, RequestError
from wyoming_servers.wire._fields import shown
from wyoming_servers.wire._limits import Limits

TYPE_CHARACTERS: Final = 128
"""Longest event type; Wyoming's own are under 24."""

_IMAGE_TYPE: Final = "image"

_EVENT_BYTES: Final = 512
"""What an event holds beside its data and payload."""

_DATA_COST: Final = 16
"""Bytes of memory that a byte of JSON becomes, at most, where `_CONTAINERS` is kept."""

_HEAD_BYTES: Final = 512
"""Of an event whose head is remembered: a microphone sends the same one a hundred times a second."""

_CONTAINERS: Final = 16_384
"""Lists and objects in one event. A mebibyte of `[{}],` would be 34 MB of memory and 0.2 s of parsing."""


def encode(event: Event) -> bytes:
    """Return `event` as it is written.

    Raises `BadValue` for data that JSON cannot carry.
    """
    header: dict[str, Any] = {"type": event.type}
    data = b""
    try:
        if event.data:
            data = _dump(event.data)
            header["data_length"] = len(data)
        if event.payload:
            header["payload_length"] = len(event.payload)
        return b"".join((_dump(header), b"\n", data, event.payload or b""))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(f"'{event.type}' cannot be written as JSON: {error}") from error


def _dump(value: dict[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8 form; `backslashreplace` writes it as the JSON escape that it came from.
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


class Arrived(NamedTuple):
    """What a parser has found."""

    outcome: Event | RequestError
    """An event, or what was wrong with one."""

    size: int
    """About how many bytes of memory it holds, as `reserve` was asked for."""


class _Head(NamedTuple):
    """What comes before the payload of an event, as it was sent and as it was understood."""

    sent: bytes
    type: str
    data: dict[str, Any]
    payload_length: int
    size: int


class EventParser:
    """Turns what a peer sends, in pieces of any size, into events; holds at most one unfinished event."""

    def __init__(self, limits: Limits, reserve: Callable[[int], bool] = lambda _: True) -> None:
        """`reserve` is asked for room before an event is read on; where it says no, the event is read and dropped."""
        self._limits = limits
        self._reserve = reserve
        self._buffer = bytearray()
        self._searched = 0
        self._header: _Header | None = None
        self._data: dict[str, Any] | None = None
        self._failure: RequestError | None = None
        self._dropping = 0
        self._line = b""
        self._latest: _Head | None = None
        self.reserved = 0
        """Room that `reserve` gave for the event that is being read."""

    @property
    def mid_event(self) -> bool:
        """True when an event was begun and has not ended."""
        return bool(self._buffer) or self._header is not None

    def push(self, data: bytes | memoryview) -> None:
        """Take what has come; `next` finds the events in it."""
        self._buffer += data

    def next(self) -> Arrived | None:
        """Return the next event that is complete, or what was wrong with it; None when more must come first.

        Raises `ProtocolError` when the framing is lost; the parser is of no use then.
        """
        if self._header is None:
            if (again := self._same_again()) is not None:
                return again
            self._read_header()
        header = self._header
        if header is None:
            return None
        if self._data is None and self._failure is None:
            self._read_data(header)
        if self._failure is not None:
            if not self._drop():
                return None
            outcome: Event | RequestError = self._failure
        elif self._data is None or len(self._buffer) < header.payload_length:
            return None
        else:
            payload = self._take(header.payload_length) if header.payload_length else None
            outcome = Event(type=header.type, data=self._data, payload=payload)
        arrived = Arrived(outcome, self.reserved or _EVENT_BYTES)
        self._header = self._data = self._failure = None
        self.reserved = 0
        return arrived

    def _same_again(self) -> Arrived | None:
        """Return the next event if it is here as a whole and begins, byte for byte, as the latest did."""
        head = self._latest
        if head is None or not self._buffer.startswith(head.sent):
            return None
        begin = len(head.sent)
        end = begin + head.payload_length
        if len(self._buffer) < end or not self._reserve(head.size):
            return None
        with memoryview(self._buffer) as view:
            payload = bytes(view[begin:end]) if head.payload_length else None
        del self._buffer[:end]
        self._searched = 0
        return Arrived(Event(type=head.type, data=dict(head.data), payload=payload), head.size)

    def _read_header(self) -> None:
        if self._buffer and self._buffer[0] != ord("{"):
            # Told at once: a peer that speaks TLS or HTTP would otherwise wait for an answer that never comes.
            raise ProtocolError(
                f"a Wyoming event opens with a line of JSON, but this begins with {bytes(self._buffer[:16])!r}",
                "bad-header",
            )
        end = self._buffer.find(b"\n", self._searched)
        self._searched = len(self._buffer) if end < 0 else 0
        if max(end, self._searched) > self._limits.header_bytes:
            raise ProtocolError(f"the header line is longer than {self._limits.header_bytes} bytes", "too-large")
        if end < 0:
            return
        self._line = self._take(end)
        header = self._header = _Header.parse(self._line, self._limits)
        del self._buffer[:1]
        size = _EVENT_BYTES + _DATA_COST * (end + header.data_length) + header.payload_length
        if header.failure is not None:
            self._failure = header.failure
        elif self._reserve(size):
            self.reserved = size
        else:
            self._failure = Busy("this server holds as much unread audio and as many pictures as it may; try again")
        self._dropping = header.data_length + header.payload_length

    def _read_data(self, header: _Header) -> None:
        if len(self._buffer) < header.data_length:
            return
        raw = self._take(header.data_length)
        self._dropping = header.payload_length
        try:
            self._data = header.data
            if raw:
                self._data |= _parse_object(raw, f"the data of '{header.type}'")
            self._remember(header, raw, self._data)
        except BadValue as error:
            self._failure = error

    def _remember(self, header: _Header, raw: bytes, data: dict[str, Any]) -> None:
        """Keep a head for those that are the same: a short one, with no value in it that its events would share."""
        sent = b"".join((self._line, b"\n", raw))
        if len(sent) > _HEAD_BYTES or any(isinstance(value, dict | list) for value in data.values()):
            return
        self._latest = _Head(sent, header.type, dict(data), header.payload_length, self.reserved)

    def _drop(self) -> bool:
        """Read over what belongs to an event that was no good; return True when the next one can be looked for."""
        skipped = min(self._dropping, len(self._buffer))
        del self._buffer[:skipped]
        self._dropping -= skipped
        return not self._dropping

    def _take(self, length: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:length])
        del self._buffer[:length]
        return taken


class _Header:
    """The first line of an event. `failure` is set where the line's lengths are good but something else is not."""

    __slots__ = ("data", "data_length", "failure", "payload_length", "type")

    def __init__(self, fields: dict[str, Any], limits: Limits) -> None:
        self.failure: BadValue | None = None
        self.type = self._type(fields.get("type"))
        payload_limit = limits.image_bytes if self.type == _IMAGE_TYPE else limits.audio_bytes
        self.data_length = _length(fields, "data_length", limits.data_bytes)
        self.payload_length = _length(fields, "payload_length", payload_limit)
        self.data = self._data(fields.get("data", {}))

    @classmethod
    def parse(cls, line: bytes, limits: Limits) -> _Header:
        try:
            return cls(_parse_object(line, "the header line"), limits)
        except BadValue as error:
            # Without its lengths nobody knows where the next event begins.
            raise ProtocolError(error.text, "bad-header") from error

    def _type(self, value: object) -> str:
        if isinstance(value, str) and 0 < len(value) <= TYPE_CHARACTERS and value.isprintable():
            return value
        what = "no 'type'" if value is None else f"{shown(value)} for its 'type'"
        self.failure = BadValue(f'an event has {what}; it takes 1 to {TYPE_CHARACTERS} letters, like "describe"')
        return ""

    def _data(self, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None or self.data_length:
            self.failure = BadValue(f"'data' of '{self.type}' is {shown(value)}; it takes a JSON object")
        return {}


def _length(fields: dict[str, Any], name: str, limit: int) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadValue(f"'{name}' is {shown(value)}; it takes a whole number of bytes, 0 to {limit}")
    if value > limit:
        raise ProtocolError(f"'{name}' is {shown(value)} bytes; {limit} is the most", "too-large")
    return value


def _parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in `raw`; raise `BadValue`, naming `what`, for anything else."""
    if raw.count(b"[") + raw.count(b"{") > _CONTAINERS:
        raise BadValue(f"{what} holds more than {_CONTAINERS} lists and objects")
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise BadValue(f"{what} is nested too deeply") from None
    except UnicodeError:
        raise BadValue(f"{what} is not valid UTF-8") from None
    except ValueError as error:
        raise BadValue(f"{what} is not JSON: {error}"[:300]) from None
    if not isinstance(value, dict):
        raise BadValue(f"{what} is {shown(value)}; it takes a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# Made once: `json.dumps` and `json.loads` would make new ones for every event, in half of the time that they take.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
