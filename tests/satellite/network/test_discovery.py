from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceStateChange
from zeroconf._dns import DNSAddress, DNSPointer, DNSRecord, DNSService, DNSText
from zeroconf._protocol.outgoing import DNSOutgoing
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
from zeroconf.const import (
    _CLASS_IN,
    _CLASS_UNIQUE,
    _FLAGS_AA,
    _FLAGS_QR_RESPONSE,
    _TYPE_A,
    _TYPE_AAAA,
    _TYPE_PTR,
    _TYPE_SRV,
    _TYPE_TXT,
)

from satellite.network.discovery import Browser, Find, _World, clean
from wyoming_servers.advertise import advertise
from wyoming_servers.identity import host_id
from wyoming_servers.wire.mdns import SERVICE_TYPE, loopback_mdns
from wyoming_servers.wire.network import LanAddress, Network, read_network


class Finds:
    def __init__(self) -> None:
        self.by_name: dict[str, Find] = {}
        self.lost: list[str] = []
        self._changed = asyncio.Event()

    def found(self, find: Find) -> None:
        self.by_name[find.name] = find
        self._changed.set()

    def lose(self, key: str) -> None:
        self.lost.append(key)
        self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def looking() -> AsyncIterator[Finds]:
    finds = Finds()
    task = asyncio.create_task(Browser(finds.found, finds.lose).run())
    try:
        yield finds
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def announcement(
    name: str,
    *,
    port: int = 9,
    addresses: tuple[str, ...] = ("127.0.0.1",),
    text: bytes = b"",
    ttl: int = 5,
    server: str = "raw-host.local.",
) -> list[DNSRecord]:
    """What anybody may say; python-zeroconf itself would refuse to register some of it."""
    full, unique = f"{name}.{SERVICE_TYPE}", _CLASS_IN | _CLASS_UNIQUE
    records: list[DNSRecord] = [
        DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, ttl, full),
        DNSService(full, _TYPE_SRV, unique, ttl, 0, 0, port, server),
        DNSText(full, _TYPE_TXT, unique, ttl, text),
    ]
    for address in addresses:
        packed = ip_address(address).packed
        records.append(DNSAddress(server, _TYPE_A if len(packed) == 4 else _TYPE_AAAA, unique, ttl, packed))
    return records


def packet(*records: DNSRecord) -> bytes:
    out = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
    for record in records:
        out.add_answer_at_time(record, 0)
    (only,) = out.packets()
    return only


def shout(data: bytes) -> None:
    """Send `data` to whoever listens to multicast DNS on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sock.bind(("127.0.0.1", 0))
        sock.sendto(data, ("224.0.0.251", 5353))


async def test_our_own_server_is_found_and_lost(tmp_path: Path) -> None:
    async with looking() as finds:
        async with advertise(
            uri="tcp://127.0.0.1:10377", name=None, job="asr", default_port=10300, data_dir=tmp_path, version="1"
        ) as name:
            await finds.until(lambda: name in finds.by_name)
            key = f"here:{name}.{SERVICE_TYPE}"
            assert finds.by_name[name] == Find(key, name, host_id(tmp_path), ("tcp://127.0.0.1:10377",), here=True)
        await finds.until(lambda: key in finds.lost)


async def test_one_that_was_there_before_and_one_that_comes_later(tmp_path: Path) -> None:
    options: dict[str, Any] = {"default_port": 10300, "data_dir": tmp_path, "version": "1", "name": None}
    async with advertise(uri="tcp://127.0.0.1:10378", job="asr", **options) as first:
        await asyncio.sleep(0.7)  # until the announcements are over, so that it must be asked for
        async with looking() as finds:
            await finds.until(lambda: first in finds.by_name)
            async with advertise(uri="tcp://127.0.0.1:10379", job="tts", **options) as second:
                await finds.until(lambda: second in finds.by_name)


async def test_a_server_made_by_others_needs_no_text() -> None:
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as zeroconf, looking() as finds:
        info = AsyncServiceInfo(SERVICE_TYPE, f"b827eb0000.{SERVICE_TYPE}", port=10200, addresses=[b"\x7f\0\0\1"])
        await (await zeroconf.async_register_service(info, cooperating_responders=True))
        await finds.until(lambda: "b827eb0000" in finds.by_name)
        assert finds.by_name["b827eb0000"].id == "b827eb0000"


async def test_a_server_that_moves_is_told_again() -> None:
    async with looking() as finds:
        await asyncio.sleep(0.1)
        shout(packet(*announcement("mover", port=1000)))
        await finds.until(lambda: "mover" in finds.by_name)
        shout(packet(*announcement("mover", port=2000)))
        await finds.until(lambda: finds.by_name["mover"].uris == ("tcp://127.0.0.1:2000",))
        shout(packet(*announcement("mover", ttl=0)))
        await finds.until(lambda: bool(finds.lost))


async def test_strange_announcements_disturb_nothing() -> None:
    noise = random.Random(1)
    async with looking() as finds:
        await asyncio.sleep(0.1)
        for size in (0, 1, 11, 12, 13, 100, 1400, 8000):
            shout(noise.randbytes(size))
        good = packet(*announcement("whole"))
        for cut in range(12, len(good), 7):
            shout(good[:cut])
        shout(packet(*announcement("no-port", port=0, server="a.local.")))
        shout(packet(*announcement("no-address", addresses=(), server="b.local.")))
        shout(packet(*announcement("far-away", addresses=("8.8.8.8", "192.168.255.254"), server="c.local.")))
        shout(packet(*announcement("nowhere", addresses=("0.0.0.0", "::", "224.0.0.1"), server="d.local.")))
        shout(packet(DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 5, "no-such-type")))
        shout(packet(DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 5, SERVICE_TYPE)))
        shout(packet(*announcement("two\nlines", server="e.local.")))
        odd = announcement("\u202e two \u2028 lines 🎤", text=b"\x05id=\xff\n" + b"\xff" * 200, server="h.local.")
        shout(packet(*odd))
        shout(packet(*announcement("last", server="f.local.")))
        await finds.until(lambda: "last" in finds.by_name)
        ours = {"no-port", "no-address", "far-away", "nowhere", "no-such-type", "two\nlines"}
        assert not ours & finds.by_name.keys()
        strange = finds.by_name["two lines 🎤"]
        assert strange.id == "\ufffd"
        assert strange.uris == ("tcp://127.0.0.1:9",)


async def test_a_flood_of_names_that_lead_nowhere_does_not_hide_a_server() -> None:
    async with looking() as finds:
        await asyncio.sleep(0.1)
        for number in range(400):
            shout(packet(DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 5, f"nothing-{number}.{SERVICE_TYPE}")))
            await asyncio.sleep(0)  # or the kernel would drop what nobody reads
        shout(packet(*announcement("behind-the-flood", server="g.local.")))
        await finds.until(lambda: "behind-the-flood" in finds.by_name)


LAN = Network(
    own=frozenset({ip_address("127.0.0.1"), ip_address("192.168.7.5"), ip_address("172.17.0.1")}),
    lan=(
        LanAddress("eth0", 2, ip_interface("192.168.7.5/24")),
        LanAddress("eth0", 2, ip_interface("fd07::5/64")),
        LanAddress("eth0", 2, ip_interface("fe80::5/64")),
    ),
)


@pytest.mark.parametrize(
    ("addresses", "believed", "here"),
    [
        (("192.168.7.9",), ("tcp://192.168.7.9:9",), False),
        (("fd07::9", "192.168.7.9"), ("tcp://192.168.7.9:9", "tcp://[fd07::9]:9"), False),
        (("192.168.8.9", "8.8.8.8", "fd08::9"), None, False),  # nobody on our network would say so
        (("127.0.0.1", "::1"), None, False),  # from the network, loopback would be us
        (("fe80::9",), None, False),  # on which interface?
        (("224.0.0.251", "0.0.0.0"), None, False),
        (("192.168.7.5",), ("tcp://192.168.7.5:9",), True),
        (("172.17.0.1",), ("tcp://172.17.0.1:9",), True),
        (("192.168.7.9", "192.168.7.5"), ("tcp://192.168.7.5:9",), True),  # no stranger in our name
        (
            tuple(f"192.168.7.{n}" for n in range(20, 40)),
            tuple(f"tcp://192.168.7.{n}:9" for n in range(20, 24)),
            False,
        ),
    ],
)
async def test_which_addresses_are_believed_from_the_network(
    addresses: tuple[str, ...], believed: tuple[str, ...] | None, here: bool
) -> None:
    finds = Finds()
    async with loopback_mdns() as zeroconf:
        world = _World("lan", zeroconf, LAN, finds.found, finds.lose)
        zeroconf.zeroconf.cache.async_add_records(announcement("neighbour", addresses=addresses))
        world._change(name=f"neighbour.{SERVICE_TYPE}", state_change=ServiceStateChange.Added)
    if believed is None:
        assert not finds.by_name
    else:
        assert finds.by_name["neighbour"].uris == believed
        assert finds.by_name["neighbour"].here is here


def test_this_machine_knows_its_addresses() -> None:
    network = read_network()
    assert network.is_own(ip_address("127.0.0.1"))
    assert network.is_own(ip_address("127.5.5.5"))
    assert not network.is_own(ip_address("8.8.8.8"))
    assert not any(entry.address.ip.is_loopback for entry in network.lan)
    assert read_network() == network


@given(st.text(max_size=500))
def test_cleaned_names_are_one_short_printable_line(text: str) -> None:
    name = clean(text)
    assert 0 < len(name) <= 64
    assert name == name.strip()
    assert all(char.isprintable() for char in name)
    assert clean(name) == name
    name.encode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a\r\n b\t\x00c", "a b c"),
        ("🎤 Küche", "🎤 Küche"),
        ("\u202eevil", "evil"),
        ("\x1b", "?"),
        ("", "?"),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_clean(text: str, name: str) -> None:
    assert clean(text) == name
