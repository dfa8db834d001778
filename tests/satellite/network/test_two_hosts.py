"""What one machine sees of another: two network namespaces, joined by a virtual cable."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from satellite.network.trust import Trust

HERE = Path(__file__).parents[1]


class Host:
    """A network namespace."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def ip(self, *arguments: str) -> None:
        subprocess.run(["ip", "-n", self.name, *arguments], check=True, capture_output=True)

    @asynccontextmanager
    async def run(self, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a Python program there for the length of a block; what it logs is shown if the test fails."""
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", self.name, sys.executable, *command, stdout=-1, limit=1 << 20
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    def server(self, data_dir: Path, uri: str, *options: str) -> Any:
        return self.run("-P", str(HERE / "small_server.py"), "asr", "--uri", uri, "--zeroconf", "--data-dir",
                        str(data_dir), *options)  # fmt: skip


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    if shutil.which("ip") is None:
        pytest.skip("needs the command ip (Debian package iproute2)")
    mark = f"hearth{os.getpid() % 100000}"
    near, far = Host(f"{mark}n", "10.83.0.1"), Host(f"{mark}f", "10.83.0.2")
    made = subprocess.run(["ip", "netns", "add", near.name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"needs root, to make network namespaces: {made.stderr.strip()}")
    try:
        subprocess.run(["ip", "netns", "add", far.name], check=True)
        try:
            near.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", far.name)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"needs virtual network cables between namespaces: {error.stderr.decode().strip()}")
        for number, host in enumerate((near, far), 1):
            host.ip("link", "set", "lo", "up")
            host.ip("address", "add", f"{host.address}/24", "dev", "lan0")
            host.ip("address", "add", f"fd83::{number}/64", "dev", "lan0", "nodad")
            host.ip("link", "set", "lan0", "up")
            # As Docker leaves it: an address that nobody outside can reach.
            host.ip("link", "add", "docker0", "type", "veth", "peer", "name", "container")
            host.ip("link", "set", "container", "up")
            host.ip("address", "add", "172.17.0.1/16", "dev", "docker0")
            host.ip("link", "set", "docker0", "up")
        yield near, far
    finally:
        for host in (near, far):
            subprocess.run(["ip", "netns", "delete", host.name], check=False, capture_output=True)


class View:
    """What `look_around` reports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until(self, done: Any) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while line := await self._process.stdout.readline():
                report: dict[str, Any] = json.loads(line)
                if done(report):
                    return report
        raise AssertionError("it ended")


@asynccontextmanager
async def looking(host: Host, trust: Path) -> AsyncIterator[View]:
    async with host.run(str(HERE / "look_around.py"), str(trust)) as process:
        yield View(process)


async def test_a_neighbour_is_found_used_once_trusted_dropped_when_killed_and_used_again(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    near, far = hosts
    trusted = tmp_path / "near" / "trusted.json"
    async with looking(near, trusted) as view:
        async with far.server(tmp_path / "far", "tcp://0.0.0.0:10300"):
            report = await view.until(lambda report: report["seen"])
            ((name, uri, origin, server_id),) = report["seen"]
            assert (uri, origin) == ("tcp://10.83.0.2:10300", "ELSEWHERE")
            assert name == f"hearth-asr-{server_id[:8]}"
            assert server_id == (tmp_path / "far" / "id").read_text().strip()
            assert report["usable"] == []
            Trust(trusted).add(server_id, name)
            await view.until(lambda report: report["usable"] == [uri])
        await view.until(lambda report: report["usable"] == [] and report["seen"] == [])
        async with far.server(tmp_path / "far", "tcp://0.0.0.0:10300"):
            await view.until(lambda report: report["usable"] == [uri])
            Trust(trusted).remove(name)
            report = await view.until(lambda report: report["usable"] == [])
            assert [entry[1] for entry in report["seen"]] == [uri]


async def test_what_listens_on_the_network_is_at_home_on_its_own_machine(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    near, _ = hosts
    async with looking(near, tmp_path / "t.json") as view:
        async with near.server(tmp_path / "a", "tcp://0.0.0.0:10300"):
            report = await view.until(lambda report: report["usable"])
            assert report["usable"] == ["tcp://127.0.0.1:10300"]
        async with near.server(tmp_path / "b", f"tcp://{near.address}:10301"):
            report = await view.until(lambda report: f"tcp://{near.address}:10301" in report["usable"])
            assert [entry[2] for entry in report["seen"]] == ["HERE"]


LISTEN = """
import asyncio, json, sys
from zeroconf import DNSQuestionType
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf
TYPE = "_wyoming._tcp.local."
async def main():
    names = asyncio.Queue()
    def change(name, **_):
        names.put_nowait(name)
    async with AsyncZeroconf(interfaces=sys.argv[1:]) as zeroconf:
        unicast = AsyncServiceBrowser(zeroconf.zeroconf, TYPE, handlers=[change], question_type=DNSQuestionType.QU)
        multicast = AsyncServiceBrowser(zeroconf.zeroconf, TYPE, handlers=[change], question_type=DNSQuestionType.QM)
        async with unicast, multicast:
            print("{}", flush=True)
            while name := await names.get():
                info = AsyncServiceInfo(TYPE, name)
                await info.async_request(zeroconf.zeroconf, 2000)
                print(json.dumps({name.removesuffix("." + TYPE): sorted(info.parsed_addresses())}), flush=True)
asyncio.run(main())
"""


@asynccontextmanager
async def listening(host: Host) -> AsyncIterator[dict[str, list[str]]]:
    """Lend what a stranger, with nothing of ours, hears there: names, with their addresses."""
    heard: dict[str, list[str]] = {}

    async def read(process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            heard.update(json.loads(line))

    async with host.run("-c", LISTEN, host.address) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        reader = asyncio.create_task(read(process))
        yield heard
        reader.cancel()
        await asyncio.wait([reader])


async def test_a_neighbour_is_told_the_addresses_that_it_can_reach(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    near, far = hosts
    async with (
        listening(near) as heard,
        far.server(tmp_path / "inner", "tcp://172.17.0.1:10302"),
        far.server(tmp_path / "one", f"tcp://{far.address}:10301"),
        far.server(tmp_path / "all", "tcp://0.0.0.0:10300"),
        asyncio.timeout(60),
    ):
        while len(heard) < 2:  # noqa: ASYNC110 - it is another process that hears
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
    assert sorted(heard.values()) == [[far.address], [far.address]]
    assert [name.endswith("-10301") for name in sorted(heard, key=len)] == [False, True]


async def test_nothing_of_a_loopback_server_leaves_the_machine(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    near, far = hosts
    # Another responder, like avahi: it makes the kernel hand the network's questions to every listener.
    joined = """
    import asyncio
    from zeroconf.asyncio import AsyncZeroconf
    async def main():
        async with AsyncZeroconf(interfaces=["10.83.0.2", "127.0.0.1"]):
            print(flush=True)
            await asyncio.sleep(60)
    asyncio.run(main())
    """
    async with far.run("-c", textwrap.dedent(joined)) as other:
        assert other.stdout is not None
        await other.stdout.readline()
        async with (
            far.server(tmp_path / "far", "tcp://127.0.0.1:10300"),
            looking(far, tmp_path / "t.json") as view,
        ):
            await view.until(lambda report: report["usable"] == ["tcp://127.0.0.1:10300"])
            async with listening(near) as heard:
                await asyncio.sleep(1.5)
                assert heard == {}


async def test_a_server_that_starts_before_the_network_is_found_later(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    near, far = hosts
    far.ip("link", "set", "lan0", "down")
    far.ip("address", "flush", "dev", "lan0")
    async with (
        far.server(tmp_path / "far", "tcp://0.0.0.0:10300"),
        looking(far, tmp_path / "t.json") as at_home,
        looking(near, tmp_path / "u.json") as outside,
    ):
        await at_home.until(lambda report: report["usable"] == ["tcp://127.0.0.1:10300"])
        far.ip("address", "add", "10.83.0.77/24", "dev", "lan0")
        far.ip("link", "set", "lan0", "up")
        await outside.until(lambda report: [entry[1] for entry in report["seen"]] == ["tcp://10.83.0.77:10300"])


async def test_a_record_cannot_send_us_to_a_third(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    near, far = hosts
    liar = f"""
    import asyncio
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
    TYPE = "_wyoming._tcp.local."
    async def main():
        async with AsyncZeroconf(interfaces=["{far.address}"]) as zeroconf:
            for name, addresses in {{
                "off-link": ["198.51.100.7"],
                "our-loopback": ["127.0.0.1"],
                "ours-and-his": ["{near.address}", "{far.address}"],
            }}.items():
                info = AsyncServiceInfo(TYPE, name + "." + TYPE, port=10300, server=name + ".local.",
                                        parsed_addresses=addresses)
                await zeroconf.async_register_service(info, cooperating_responders=True)
            await asyncio.sleep(60)
    asyncio.run(main())
    """
    async with (
        near.server(tmp_path / "near", "tcp://127.0.0.1:10300"),
        far.server(tmp_path / "far", "tcp://0.0.0.0:10300"),
        looking(near, tmp_path / "t.json") as view,
        far.run("-c", textwrap.dedent(liar)),
    ):
        report = await view.until(lambda report: len(report["seen"]) == 2)
        await asyncio.sleep(1)
        report = await view.until(lambda report: True)
        assert sorted((entry[1], entry[2]) for entry in report["seen"]) == [
            ("tcp://10.83.0.2:10300", "ELSEWHERE"),
            ("tcp://127.0.0.1:10300", "HERE"),
        ]
        assert report["usable"] == ["tcp://127.0.0.1:10300"]
