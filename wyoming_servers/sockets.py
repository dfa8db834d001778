"""The sockets that a server listens on."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from typing import Any

from .wire import Tcp, Unix

_BACKLOG = 4096
"""Connections that the kernel holds for us; with fewer, a burst makes peers wait a second to try again."""

_BUFFER_BYTES = 256 * 1024
"""The kernel's buffers of each connection and direction, which would grow to megabytes: work done ahead for a peer
that does not take it, and audio still to be worked through for one that has gone."""


async def listen(target: Tcp | Unix) -> list[socket.socket]:
    """Return sockets that listen at every address of `target`; raise OSError where one cannot be had."""
    if isinstance(target, Unix):
        _clear(target)
        return [_listen(socket.AF_UNIX, target.path)]
    found = await asyncio.get_running_loop().getaddrinfo(
        target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            sockets.append(_listen(family, address))
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _listen(family: socket.AddressFamily, address: Any) -> socket.socket:
    sock = socket.socket(family)
    try:
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")  # everywhere is IPv4 as well
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # those who connect inherit them
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES // 2)  # the kernel doubles it
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _clear(target: Unix) -> None:
    """Remove a socket that a server left behind; raise OSError where one is in use."""
    path = Path(target.path)
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(target.path)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # somebody listens, and has much to do
    raise OSError(errno.EADDRINUSE, "Address already in use")
