"""Servers that announce themselves by multicast DNS, on this machine and on the local networks.

What comes from the network is taken as a stranger's word: names are cleaned, only addresses of this machine and of its
neighbours are believed, and whether anybody is really there is for `servers` to find out.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import zeroconf as mdns
from zeroconf import DNSQuestionType, IPVersion, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from wyoming_servers.wire import Tcp
from wyoming_servers.wire.mdns import (
    NETWORK_CHECK_S,
    SERVICE_TYPE,
    follow_network,
    keep_trying,
    lan_mdns,
    loopback_mdns,
)
from wyoming_servers.wire.network import Address, Network, read_network

_RESOLVE_MS = 3000
_UNRESOLVED = 256
"""Names that may wait for their addresses at once; an announcement beyond them is passed over."""

_RESOLVERS = 4
_ADDRESSES = 4
"""How many addresses of one server are tried."""

_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Find:
    """Somebody says that a server is there."""

    key: str
    """Tells it from the others: where it was heard, and the instance name as it came."""

    name: str
    """The instance name, fit to be shown."""

    id: str
    """What the server calls its host, or else the instance name."""

    uris: tuple[str, ...]
    """Where it says to be, in the order to be tried; at least one."""

    here: bool
    """A connection to any of these addresses ends on this machine."""


def clean(text: str) -> str:
    """Return `text` in one line of at most 64 characters, without control, format and unknown ones."""
    printable = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * _NAME_CHARACTERS])
    return " ".join("".join(printable).split())[:_NAME_CHARACTERS].rstrip() or "?"


class Browser:
    """Tells of finds as they come, change and go, as long as `run` runs.

    `found` is called again when something about a find may have changed; `lost`, with its key, when its record is gone.
    That says little: a crashed server's record stays for 75 minutes, and anybody on the network can send a goodbye.
    """

    def __init__(self, found: Callable[[Find], None], lost: Callable[[str], None]) -> None:
        self._found = found
        self._lost = lost

    async def run(self) -> None:
        """Browse until cancelled. Where multicast DNS is not possible, that is logged and tried again."""
        async with asyncio.TaskGroup() as worlds:
            worlds.create_task(keep_trying(self._on_loopback, "finding servers on this machine"))
            worlds.create_task(keep_trying(self._on_lan, "finding servers on the network"))

    async def _on_loopback(self) -> None:
        async with loopback_mdns() as zeroconf:
            await _World("here", zeroconf, read_network(), self._found, self._lost).run()

    async def _on_lan(self) -> None:
        network = read_network()
        async with lan_mdns(network) as zeroconf:
            await _World("lan", zeroconf, network, self._found, self._lost).run()


class _World:
    """Browsing on loopback, or on the local networks."""

    def __init__(
        self,
        name: str,
        zeroconf: AsyncZeroconf,
        network: Network,
        found: Callable[[Find], None],
        lost: Callable[[str], None],
    ) -> None:
        self._name = name
        self._zeroconf = zeroconf
        self._network = network
        self._found = found
        self._lost = lost
        self._names: set[str] = set()
        self._unresolved: asyncio.Queue[str] = asyncio.Queue(_UNRESOLVED)

    async def run(self) -> None:
        # Questions are multicast from the first on: a unicast answer goes to whichever process of this machine the
        # kernel picks among those that share port 5353.
        browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, SERVICE_TYPE, handlers=[self._change], question_type=DNSQuestionType.QM
        )
        try:
            async with browser, asyncio.TaskGroup() as tasks:
                for _ in range(_RESOLVERS):
                    tasks.create_task(self._resolve())
                await self._follow()
        finally:
            for name in self._names:
                self._lost(self._key(name))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(NETWORK_CHECK_S)
            if (now := read_network()) != self._network:
                self._network = now
                if self._name == "lan":
                    await follow_network(self._zeroconf, now)
                for name in list(self._names):
                    self._tell(name)

    def _change(self, *, name: str, state_change: ServiceStateChange, **_: Any) -> None:
        """Called by the browser."""
        if state_change is ServiceStateChange.Removed:
            self._names.discard(name)
            self._lost(self._key(name))
        elif not self._tell(name) and not self._unresolved.full():
            self._unresolved.put_nowait(name)

    async def _resolve(self) -> None:
        """Ask for what an announcement left out; most leave out nothing."""
        while True:
            name = await self._unresolved.get()
            with suppress(mdns.Error):
                service = AsyncServiceInfo(SERVICE_TYPE, name)
                if await service.async_request(self._zeroconf.zeroconf, _RESOLVE_MS):
                    self._tell(name)

    def _tell(self, name: str) -> bool:
        """Tell of a find; return False when more must be asked about it first."""
        try:
            service = AsyncServiceInfo(SERVICE_TYPE, name)
            if not service.load_from_cache(self._zeroconf.zeroconf):
                return False
        except mdns.Error:
            return True  # no name that a server could have
        uris, here = self._believed(service)
        if uris:
            self._names.add(name)
            shown = clean(name.removesuffix(f".{SERVICE_TYPE}"))
            given = service.properties.get(b"id")
            server_id = clean(given.decode("utf-8", "replace")) if given else shown
            self._found(Find(self._key(name), shown, server_id, uris, here))
        return True

    def _believed(self, service: AsyncServiceInfo) -> tuple[tuple[str, ...], bool]:
        """Return where `service` may be looked for, and whether that is this machine.

        On loopback only this machine's addresses are believed, elsewhere those and our neighbours': a record could
        otherwise send us anywhere. Where some are ours the others are left out, so that what passes for a server of
        this machine is one.
        """
        addresses = [ip_address(packed) for packed in service.addresses_by_version(IPVersion.All)]
        own = [address for address in addresses if self._is_own(address)]
        near = own or [address for address in addresses if self._is_near(address)]
        near.sort(key=lambda address: (address.version, int(address)))
        if not service.port:
            return (), False
        return tuple(str(Tcp(str(address), service.port)) for address in near[:_ADDRESSES]), bool(own)

    def _is_own(self, address: Address) -> bool:
        return self._network.is_own(address) and (self._name == "here" or not address.is_loopback)

    def _is_near(self, address: Address) -> bool:
        # A link-local IPv6 address means nothing without its interface, which an announcement does not tell.
        unscoped = address.version == 6 and address.is_link_local
        return self._name == "lan" and not unscoped and self._network.is_neighbour(address)

    def _key(self, name: str) -> str:
        return f"{self._name}:{name}"
