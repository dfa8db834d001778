"""Telling others where a server is: `_wyoming._tcp.local.` by multicast DNS.

A server that listens on loopback is advertised there alone, and nothing of it leaves the machine. One that listens on
a local network is advertised there, with the addresses it can be reached by; these follow the network as it changes.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from wyoming_servers.identity import IdentityError, host_id
from wyoming_servers.wire import Tcp, Unix, WireError, parse_uri
from wyoming_servers.wire.mdns import (
    NETWORK_CHECK_S,
    SERVICE_TYPE,
    follow_network,
    keep_trying,
    lan_mdns,
    loopback_mdns,
)
from wyoming_servers.wire.network import Address, Network, parse_address, read_network

_LOGGER = logging.getLogger(__name__)

_NAME_BYTES = 63
"""Longest instance name (RFC 6763, 4.1.1)."""

_CLAIM_S = 10.0
"""How long a free name is sought. Claiming one takes 1.2 s; a stranger who contests every name shall not hold us up."""


class AdvertiseError(WireError):
    """This server cannot be advertised as asked; the text says why and what would be right."""

    code = "advertise"


@asynccontextmanager
async def advertise(
    *, uri: str, name: str | None, job: str, default_port: int, data_dir: Path, version: str
) -> AsyncIterator[str]:
    """Advertise the server that listens at `uri` for the length of a block, and yield its instance name.

    `name` is what the user wants it called; None makes a name of the host's id, the job, and the port where it is not
    `default_port`: stable across restarts and unique on the host. The work goes on in the background: where there is no
    network yet, or multicast DNS is not possible, that is logged once and tried again. Leaving the block, cancelled or
    not, says goodbye, which takes 0.25 s. Raises `AdvertiseError` for what can never be advertised.
    """
    target = parse_uri(uri)
    if isinstance(target, Unix):
        raise AdvertiseError(
            f"{uri} is a socket in the file system, which others cannot reach; leave --zeroconf out, or listen at tcp://…"
        )
    try:
        host = host_id(data_dir)
    except IdentityError as error:
        raise AdvertiseError(str(error)) from error
    short = f"hearth-{job}-{host[:8]}"
    own_name = short if target.port == default_port else f"{short}-{target.port}"
    advert = _Advert(
        name=own_name if name is None else check_name(name),
        # Not the machine's own name: another responder here, such as avahi, answers for that one.
        host_name=f"{short}-{target.port}.local.",
        port=target.port,
        listens=await _resolve(target),
        properties={"id": host, "jobs": job, "version": version},
        contested=name is not None,
    )
    task = asyncio.create_task(advert.run(), name="advertise")
    try:
        yield advert.name
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            _LOGGER.error("advertising ended: %s", failure, exc_info=failure)


def check_name(name: str) -> str:
    """Return `name` as an instance name; raise `AdvertiseError` where it cannot be one."""
    if not name.strip() or len(name.encode("utf-8", "replace")) > _NAME_BYTES or re.search(r"[\x00-\x1f\x7f]", name):
        raise AdvertiseError(
            f"--zeroconf {name[:80]!r} cannot be a name; it takes 1 to {_NAME_BYTES} bytes without control characters"
        )
    return name


async def _resolve(target: Tcp) -> list[Address]:
    """Return the addresses that a server told to listen at `target` listens on."""
    if (address := parse_address(target.host)) is not None:
        everywhere = address.version == 6 and address.is_unspecified and _takes_ipv4(target.port)
        return [address, IPv4Address(0)] if everywhere else [address]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AdvertiseError(
            f"'{target.host}' has no address: {error}; listen at an address such as 0.0.0.0"
        ) from error
    return [ip_address(entry[4][0]) for entry in found]


def _takes_ipv4(port: int) -> bool:
    """Return True when the server that listens at `::` takes IPv4 as well, which is for it to decide."""
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - to see whether it is taken
        except OSError:
            return True
    return False


@dataclass
class _Advert:
    name: str
    host_name: str
    port: int
    listens: list[Address]
    properties: dict[str, str]
    contested: bool
    """The name is not made of our id, so that even on this machine somebody else may have it."""

    _announcements: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Advertise until cancelled."""
        try:
            async with asyncio.TaskGroup() as worlds:
                what = f"advertising port {self.port}"
                if loopback := self._loopback_addresses():
                    worlds.create_task(keep_trying(lambda: self._on_loopback(loopback), what))
                if any(not address.is_loopback for address in self.listens):
                    worlds.create_task(keep_trying(self._on_lan, what))
        finally:
            for task in self._announcements:
                task.cancel()
            await asyncio.gather(*self._announcements, return_exceptions=True)

    async def _on_loopback(self, addresses: list[Address]) -> None:
        async with loopback_mdns() as here:
            await self._register(here, addresses, claim=self.contested)
            await asyncio.Event().wait()

    async def _on_lan(self) -> None:
        told: list[Address] = []
        network = self._visible(read_network())
        async with lan_mdns(network) as lan:
            while True:
                addresses = self._listening(network) or told
                if told and addresses != told:
                    self._announce(await lan.async_update_service(self._service(addresses)))
                await follow_network(lan, network)  # where an interface is new, what was told is told there
                if addresses and not told:
                    await self._register(lan, addresses, claim=True)
                if addresses != told:
                    _LOGGER.info("Advertised as '%s' at %s", self.name, ", ".join(map(str, addresses)))
                told = addresses
                while (now := self._visible(read_network())) == network:  # noqa: ASYNC110 - nobody tells of a change
                    await asyncio.sleep(NETWORK_CHECK_S)
                network = now

    async def _register(self, where: AsyncZeroconf, addresses: list[Address], *, claim: bool) -> None:
        """Announce this server; `claim`: ask first whether the name is free (RFC 6762, 8.1), and rename it if not."""
        service = self._service(addresses)
        async with asyncio.timeout(_CLAIM_S):
            announcing = await where.async_register_service(
                service, allow_name_change=True, cooperating_responders=not claim
            )
        self._announce(announcing)
        given = service.name.removesuffix(f".{SERVICE_TYPE}")
        if given != self.name:
            _LOGGER.warning(
                "Another server is called '%s', so this one is '%s'; if one host's data folder was copied from the "
                "other's, remove the file 'id' in it",
                self.name,
                given,
            )
            self.name = given

    def _announce(self, announcing: Awaitable[None]) -> None:
        """Own the task that repeats the announcement."""
        task = asyncio.ensure_future(announcing)
        self._announcements.add(task)
        task.add_done_callback(self._announcements.discard)

    def _service(self, addresses: list[Address]) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            SERVICE_TYPE,
            f"{self.name}.{SERVICE_TYPE}",
            port=self.port,
            server=self.host_name,
            properties=self.properties,
            parsed_addresses=[str(address) for address in addresses],
        )

    def _loopback_addresses(self) -> list[Address]:
        families = self._families()
        everywhere = [a for a in (IPv4Address("127.0.0.1"), IPv6Address("::1")) if a.version in families]
        return [address for address in self.listens if address.is_loopback] + everywhere

    def _listening(self, network: Network) -> list[Address]:
        families = self._families()
        return [a for a in network.lan_addresses() if a in self.listens or a.version in families]

    def _visible(self, network: Network) -> Network:
        """Return the network with those interfaces alone on which this server listens."""
        addresses = self._listening(network)
        interfaces = {entry.index for entry in network.lan if entry.address.ip in addresses}
        return replace(network, lan=tuple(entry for entry in network.lan if entry.index in interfaces))

    def _families(self) -> set[int]:
        """Return the IP versions in which this server listens at every address."""
        return {address.version for address in self.listens if address.is_unspecified}
