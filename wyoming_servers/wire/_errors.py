"""What can go wrong on the wire, as one tree.

::

    WireError
    ├── ProtocolError           the framing is lost or a limit is passed: the connection closes
    ├── RequestError            one request fails; the connection lives
    │   ├── BadValue            a value is missing, of the wrong type or out of range
    │   ├── UnsupportedAudio    the audio format cannot be sound, or the audio is not what was announced
    │   └── Busy                no place is free now; the same request may succeed later
    ├── ConnectionLost          the peer is gone, refuses, or stays silent
    └── PeerError               the peer answered with `error`

Every one has a `text` for people, which says what was wrong and what would be right, and a `code` for programs.
"""

from __future__ import annotations

from wyoming.error import Error
from wyoming.event import Event


class WireError(Exception):
    """Base of everything that the wire raises."""

    code = "wire"

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        if code is not None:
            self.code = code

    def event(self) -> Event:
        """Return the `error` event that tells the peer."""
        return Error(text=self.text, code=self.code).event()


class ProtocolError(WireError):
    """The framing is lost or a limit is passed; nothing that follows can be understood, so the connection closes."""

    code = "protocol"


class RequestError(WireError):
    """One request fails; the next one may succeed on the same connection."""

    code = "bad-request"


class BadValue(RequestError):
    """A value is missing, of the wrong type or out of range."""

    code = "bad-value"


class UnsupportedAudio(RequestError):
    """The audio format cannot be sound, or the audio is not what was announced."""

    code = "unsupported-audio"


class Busy(RequestError):
    """No place is free now; the same request may succeed later."""

    code = "busy"


class ConnectionLost(WireError):
    """The peer is gone, refuses, or stays silent."""

    code = "connection-lost"


class PeerError(WireError):
    """The peer answered with `error`; `text` and `code` are its own."""

    code = "peer-error"
