"""Multicast DNS, kept where it belongs.

Two worlds that never mix: loopback, which only this machine hears, and the local networks. python-zeroconf alone does
not keep them apart. Its listening socket takes what any process of the machine has asked the kernel for, so that a
server meant for loopback answers a stranger's unicast query as soon as, say, avahi runs beside it. So the sockets are
told what they may hear.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import zeroconf as mdns
from zeroconf.asyncio import AsyncZeroconf

from wyoming_servers.wire.network import Network
from wyoming_servers.wire.tasks import first_of

_LOGGER = logging.getLogger(__name__)

SERVICE_TYPE = "_wyoming._tcp.local."

NETWORK_CHECK_S = 2.0
"""How often to look whether the addresses of this machine have changed."""

# It logs single packets that could not be sent or read, with a traceback: nothing that a user could do about.
logging.getLogger("zeroconf").setLevel(logging.CRITICAL)

_LOOPBACK = "127.0.0.1"

# Of linux/in.h and linux/in6.h; Python has no names for them.
_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29


@asynccontextmanager
async def loopback_mdns() -> AsyncIterator[AsyncZeroconf]:
    """Open multicast DNS that hears and reaches this machine alone. Raises OSError where the system has none."""
    zeroconf = AsyncZeroconf(interfaces=[_LOOPBACK])
    try:
        await zeroconf.zeroconf.async_wait_for_start()
        _confine(zeroconf, loopback=True)
        yield zeroconf
    finally:
        await zeroconf.async_close()


@asynccontextmanager
async def lan_mdns(network: Network) -> AsyncIterator[AsyncZeroconf]:
    """Open multicast DNS on the local networks, if only later ones (see `follow_network`). Raises OSError."""
    zeroconf = AsyncZeroconf(interfaces=[])
    try:
        await zeroconf.zeroconf.async_wait_for_start()
        await follow_network(zeroconf, network)
        yield zeroconf
    finally:
        await zeroconf.async_close()


async def follow_network(zeroconf: AsyncZeroconf, network: Network) -> None:
    """Use the interfaces of `network` from now on; what is registered is announced on the new ones."""
    interfaces: list[str | int] = [str(entry.address.ip) for entry in network.lan if entry.address.version == 4]
    interfaces += sorted({entry.index for entry in network.lan if entry.address.version == 6})
    await zeroconf.async_update_interfaces(interfaces, mdns.IPVersion.All)
    _confine(zeroconf, loopback=False)


async def keep_trying(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Do `work`, which never ends by itself, until cancelled.

    Where multicast DNS is not possible now, that is logged once, as a failure of `what`, and tried again.
    """
    warned = False
    while True:
        try:
            await work()
        except* (OSError, mdns.Error, TimeoutError) as errors:
            if not warned:
                warned = True
                first = first_of(errors)
                reason = str(first) or type(first).__name__
                _LOGGER.warning("%s is not possible now (%s); trying again every %g s", what, reason, NETWORK_CHECK_S)
        await asyncio.sleep(NETWORK_CHECK_S)


def _confine(zeroconf: AsyncZeroconf, *, loopback: bool) -> None:
    for reader in zeroconf.zeroconf.engine.readers:
        sock = reader.transport.get_extra_info("socket")
        if loopback:
            with suppress(PermissionError):  # before Linux 5.7 this was for root alone; the next line helps there
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
