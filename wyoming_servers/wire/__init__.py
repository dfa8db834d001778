"""Wyoming on the wire, with bounds: the one way in which servers, satellite and commands talk to each other.

`Connection` is a peer, `connect` finds one, `Limits` says how much it may ask for, and everything that can go wrong is
in one tree of errors. The events that Wyoming lacks are in `vad` and `image`, audio formats in `audio`.
"""

from ._connection import Connection
from ._errors import BadValue, Busy, ConnectionLost, PeerError, ProtocolError, RequestError, UnsupportedAudio, WireError
from ._fields import Fields
from ._framing import EventParser, encode
from ._info import JOBS, ImageModel, ImageProgram, Info, VadModel, VadProgram
from ._limits import Budget, Limits
from ._requests import answer, connect, connect_to, describe, expect
from ._uri import Tcp, Unix, parse_uri

__all__ = [
    "JOBS",
    "BadValue",
    "Budget",
    "Busy",
    "Connection",
    "ConnectionLost",
    "EventParser",
    "Fields",
    "ImageModel",
    "ImageProgram",
    "Info",
    "Limits",
    "PeerError",
    "ProtocolError",
    "RequestError",
    "Tcp",
    "Unix",
    "UnsupportedAudio",
    "VadModel",
    "VadProgram",
    "WireError",
    "answer",
    "connect",
    "connect_to",
    "describe",
    "encode",
    "expect",
    "parse_uri",
]
