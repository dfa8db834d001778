"""Bytes to events and back, without any input or output of its own.

One event on the wire is one line of JSON (`type`, optional `data`, `data_length`, `payload_length`), then
`data_length` bytes of JSON merged over `data`, then `payload_length` bytes of payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from wyoming.event import Event

from ._errors import BadValue, Busy, ProtocolError, RequestError
from ._limits import Limits

TYPE_CHARACTERS: Final = 128
"""Longest event type; Wyoming's own are under 24."""

_IMAGE_TYPE: Final = "image"


def encode(event: Event) -> list[bytes]:
    """Return the pieces of `event` to write one after the other.

    Raises `BadValue` for data that JSON cannot carry.
    """
    header: dict[str, Any] = {"type": event.type}
    pieces: list[bytes] = []
    try:
        if event.data:
            data = _dump(event.data)
            header["data_length"] = len(data)
            pieces.append(data)
        if event.payload:
            header["payload_length"] = len(event.payload)
            pieces.append(bytes(event.payload))
        return [_dump(header) + b"\n", *pieces]
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(f"'{event.type}' cannot be written as JSON: {error}") from error


def _dump(value: dict[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8 form; `backslashreplace` writes it as the JSON escape that it came from.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


class EventParser:
    """Turns what a peer sends, in pieces of any size, into events; holds at most one unfinished event."""

    def __init__(self, limits: Limits, reserve: Callable[[int], bool] = lambda _: True) -> None:
        """`reserve` is asked for room before a payload is read; where it says no, the payload is read and dropped."""
        self._limits = limits
        self._reserve = reserve
        self._buffer = bytearray()
        self._searched = 0
        self._header: _Header | None = None
        self._data: dict[str, Any] | None = None
        self._failure: RequestError | None = None
        self._dropping = 0

    @property
    def mid_event(self) -> bool:
        """True when an event was begun and has not ended."""
        return bool(self._buffer) or self._header is not None

    @property
    def reserved(self) -> int:
        """Bytes of the payload that is being read, for which `reserve` gave room."""
        return self._header.payload_length if self._header is not None and self._data is not None else 0

    def feed(self, chunk: bytes) -> Iterator[Event | RequestError]:
        """Yield the events that `chunk` completes, in order; a `RequestError` stands for an event that was no good.

        Raises `ProtocolError` when the framing is lost; the parser is of no use then.
        """
        self._buffer += chunk
        while (outcome := self._next()) is not None:
            yield outcome

    def _next(self) -> Event | RequestError | None:
        if self._header is None and not self._read_header():
            return None
        header = self._header
        assert header is not None
        if self._data is None and self._failure is None and not self._read_data(header):
            return None
        if self._failure is not None:
            return self._drop()
        if len(self._buffer) < header.payload_length:
            return None
        payload = self._take(header.payload_length) if header.payload_length else None
        event = Event(type=header.type, data=self._data or {}, payload=payload)
        self._header = self._data = None
        return event

    def _read_header(self) -> bool:
        if self._buffer and self._buffer[0] != ord("{"):
            # Told at once: a peer that speaks TLS or HTTP would otherwise wait for an answer that never comes.
            raise ProtocolError(
                f"a Wyoming event opens with a line of JSON, but this begins with {bytes(self._buffer[:16])!r}",
                "bad-header",
            )
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self._limits.header_bytes:
                raise self._long_header()
            return False
        if end > self._limits.header_bytes:
            raise self._long_header()
        self._searched = 0
        line = self._take(end)
        del self._buffer[:1]
        self._header = _Header.parse(line, self._limits)
        self._failure = self._header.failure
        if self._failure is not None:
            self._dropping = self._header.data_length + self._header.payload_length
        return True

    def _read_data(self, header: _Header) -> bool:
        if len(self._buffer) < header.data_length:
            return False
        raw = self._take(header.data_length)
        try:
            data = dict(header.data)
            if raw:
                data |= _parse_object(raw, f"the data of '{header.type}'")
            if not self._reserve(header.payload_length):
                raise Busy("this server holds as much unread audio and as many pictures as it may; try again shortly")
        except RequestError as error:
            self._failure = error
            self._dropping = header.payload_length
        else:
            self._data = data
        return True

    def _drop(self) -> RequestError | None:
        """Read over what belongs to an event that was no good, so that the next one is found."""
        skipped = min(self._dropping, len(self._buffer))
        del self._buffer[:skipped]
        self._dropping -= skipped
        if self._dropping:
            return None
        failure = self._failure
        self._failure = self._header = None
        return failure

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _long_header(self) -> ProtocolError:
        return ProtocolError(f"the header line is longer than {self._limits.header_bytes} bytes", "too-large")


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
        if isinstance(value, str) and 0 < len(value) <= TYPE_CHARACTERS:
            return value
        what = "no 'type'" if value is None else f"{_shown(value)} for its 'type'"
        self.failure = BadValue(f'an event has {what}; it takes 1 to {TYPE_CHARACTERS} characters, like "describe"')
        return ""

    def _data(self, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None or self.data_length:
            self.failure = BadValue(f"'data' of '{self.type}' is {_shown(value)}; it takes a JSON object")
        return {}


def _length(fields: dict[str, Any], name: str, limit: int) -> int:
    value = fields.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadValue(f"'{name}' is {_shown(value)}; it takes a whole number of bytes, 0 to {limit}")
    if value > limit:
        raise ProtocolError(f"'{name}' is {_shown(value)} bytes; {limit} is the most", "too-large")
    return value


def _parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in `raw`; raise `BadValue`, naming `what`, for anything else."""
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise BadValue(f"{what} is nested too deeply") from None
    except UnicodeError:
        raise BadValue(f"{what} is not valid UTF-8") from None
    except ValueError as error:
        raise BadValue(f"{what} is not JSON: {error}"[:300]) from None
    if not isinstance(value, dict):
        raise BadValue(f"{what} is {_shown(value)}; it takes a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _shown(value: object) -> str:
    """Return `value` as JSON for an error message, cut short."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else f"{text[:60]}…"
