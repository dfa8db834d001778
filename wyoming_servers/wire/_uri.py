"""Where a server listens: `tcp://host:port` or `unix:///path/to/socket`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from wyoming_servers.wire._errors import BadValue
from wyoming_servers.wire._fields import shown

_UNIX_PATH_BYTES = 107
"""Longest path that Linux takes for a socket (sun_path, without its closing zero)."""


@dataclass(frozen=True, slots=True)
class Tcp:
    """A host's name or address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


def parse_uri(uri: str) -> Tcp | Unix:
    """Return what `uri` names; raise `BadValue`, with an example, for anything else."""
    scheme, _, rest = uri.partition("://")
    if scheme == "unix" and rest and "\0" not in rest:
        if len(os.fsencode(rest)) > _UNIX_PATH_BYTES:
            raise BadValue(f"{shown(uri)}: a socket's path has at most {_UNIX_PATH_BYTES} bytes")
        return Unix(rest)
    if scheme == "tcp" and "\0" not in rest:
        try:
            parts = urlsplit(uri)
            if parts.hostname and parts.port is not None and not (parts.path or parts.query or parts.username):
                return Tcp(parts.hostname, parts.port)
        except ValueError:
            pass
    raise BadValue(f"{shown(uri)} is no address of a server; it takes tcp://HOST:PORT or unix:///PATH")
