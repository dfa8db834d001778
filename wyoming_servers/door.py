"""Where a server listens, and who waits at its door.

A connection that has said nothing costs a socket and a timer, no more: two thousand of them keep nobody out.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from wyoming_servers.wire import Busy, Limits, Tcp, Unix, WireError, encode

_LOGGER = logging.getLogger(__name__)

_BACKLOG = 4096
"""Connections that the kernel holds for us; with fewer, a burst makes peers wait a second to try again."""

_BUFFER_BYTES = 256 * 1024
"""The kernel's buffers of each connection and direction, which would grow to megabytes: work done ahead for a peer
that does not take it, and audio still to be worked through for one that has gone."""


_ACCEPTED_A_TURN = 16
"""Then those who are here already have their turn."""

_NO_FILES_S = 0.1
"""How long accepting waits when the system gives no more file descriptors."""

_NEEDED = Busy("others needed the place of this connection, which had said nothing; connect again when needed")
_IDLE = Busy("nothing was ever asked; connect again when needed", "idle")


class Door:
    """Takes connections from listening sockets, and passes each on when it has said something."""

    def __init__(self, sockets: list[socket.socket], limits: Limits, enter: Callable[[socket.socket], None]) -> None:
        """`enter` is given the connections, and may close them."""
        self._sockets = sockets
        self._limits = limits
        self._enter = enter
        self._quiet: dict[socket.socket, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    def open(self) -> None:
        """Begin."""
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def close(self, reason: WireError) -> None:
        """Close the listening sockets, and tell those that have said nothing why."""
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        for sock in list(self._quiet):
            self._dismiss(sock, reason)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_A_TURN):
            try:
                sock, _address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                _LOGGER.warning("no connection can be accepted: %s", error)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(_NO_FILES_S, self._accept_again, listening)
                return
            sock.setblocking(False)
            if _has_spoken(sock):
                self._enter(sock)
            else:
                self._hold(sock)

    def _accept_again(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:  # not closed meanwhile
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _hold(self, sock: socket.socket) -> None:
        if len(self._quiet) >= self._limits.quiet:
            longest = next(iter(self._quiet))
            if _has_spoken(longest):
                self._pass_on(longest)
            else:
                self._dismiss(longest, _NEEDED)
        self._quiet[sock] = self._loop.call_later(self._limits.idle_s, self._dismiss, sock, _IDLE)
        # By its number: asyncio would write the socket out in full for each.
        self._loop.add_reader(sock.fileno(), self._pass_on, sock)

    def _pass_on(self, sock: socket.socket) -> None:
        self._forget(sock)
        self._enter(sock)

    def _dismiss(self, sock: socket.socket, reason: WireError) -> None:
        self._forget(sock)
        with suppress(OSError):
            sock.send(encode(reason.event()))
        sock.close()

    def _forget(self, sock: socket.socket) -> None:
        self._quiet.pop(sock).cancel()
        self._loop.remove_reader(sock.fileno())


def _has_spoken(sock: socket.socket) -> bool:
    """Return True when there is something to read, and be it the end."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass  # whoever reads will see it
    return True


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
            # Inherited too. asyncio sets it only where a socket's protocol was named, and without it the second of two
            # small events waits 40 ms for the peer to acknowledge the first.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
