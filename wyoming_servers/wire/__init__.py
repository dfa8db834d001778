"""Wyoming on the wire, with bounds: the one way in which servers, satellite and commands talk to each other.

`Connection` is a peer, `connect` finds one, `Limits` says how much it may ask for, and everything that can go wrong is
in one tree of errors. The events that Wyoming lacks are in `vad` and `image`, audio formats in `audio`.
"""

from wyoming_servers.wire._connection import Connection
from wyoming_servers.wire._errors import (
    BadValue,
    Busy,
    ConnectionLost,
    PeerError,
    ProtocolError,
    RequestError,
    UnsupportedAudio,
    WireError,
)
from wyoming_servers.wire._fields import Fields
from wyoming_servers.wire._framing import EventParser, encode
from wyoming_servers.wire._info import JOBS, ImageModel, ImageProgram, Info, VadModel, VadProgram
from wyoming_servers.wire._limits import Budget, Limits
from wyoming_servers.wire._requests import answer, connect, connect_to, describe, expect
from wyoming_servers.wire._uri import Tcp, Unix, parse_uri

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
