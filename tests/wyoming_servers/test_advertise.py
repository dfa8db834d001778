from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from wyoming_servers.advertise import AdvertiseError, advertise, check_name
from wyoming_servers.identity import host_id
from wyoming_servers.wire import BadValue
from wyoming_servers.wire.mdns import SERVICE_TYPE


class Listener:
    """A stranger's view of loopback, through nothing of ours."""

    def __init__(self, zeroconf: AsyncZeroconf) -> None:
        self.zeroconf = zeroconf
        self.names: set[str] = set()
        self._changed = asyncio.Event()

    def change(self, *, name: str, state_change: ServiceStateChange, **_: Any) -> None:
        name = name.removesuffix(f".{SERVICE_TYPE}")
        if state_change is ServiceStateChange.Removed:
            self.names.discard(name)
        else:
            self.names.add(name)
        self._changed.set()

    async def until(self, done: Callable[[set[str]], bool]) -> None:
        async with asyncio.timeout(60):
            while not done(self.names):
                self._changed.clear()
                await self._changed.wait()

    async def look_up(self, name: str) -> AsyncServiceInfo:
        info = AsyncServiceInfo(SERVICE_TYPE, f"{name}.{SERVICE_TYPE}")
        assert await info.async_request(self.zeroconf.zeroconf, 3000)
        return info


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as zeroconf:
        listener = Listener(zeroconf)
        async with AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[listener.change]):
            yield listener


def advert(data_dir: Path, uri: str = "tcp://127.0.0.1:10300", **others: Any) -> AbstractAsyncContextManager[str]:
    options: dict[str, Any] = {"name": None, "job": "asr", "default_port": 10300, "version": "1.2.3"}
    return advertise(uri=uri, data_dir=data_dir, **(options | others))


async def test_a_loopback_server_is_found_there_and_says_goodbye(tmp_path: Path) -> None:
    async with listening() as listener:
        async with advert(tmp_path) as name:
            await listener.until(lambda names: name in names)
            info = await listener.look_up(name)
            assert info.port == 10300
            assert info.parsed_addresses() == ["127.0.0.1"]
            assert info.decoded_properties == {"id": host_id(tmp_path), "jobs": "asr", "version": "1.2.3"}
        await listener.until(lambda names: name not in names)


async def test_names_are_stable_and_unique_on_a_host(tmp_path: Path) -> None:
    async def name(folder: str = "a", **options: Any) -> str:
        async with advert(tmp_path / folder, **options) as name:
            return name

    first = await name()
    assert first == f"hearth-asr-{host_id(tmp_path / 'a')[:8]}"
    assert await name() == first
    assert await name(uri="tcp://0.0.0.0:10300") == first
    others = [
        await name(uri="tcp://127.0.0.1:10301"),
        await name(job="tts", default_port=10200, uri="tcp://127.0.0.1:10200"),
        await name(job="tts", default_port=10200),
        await name("b"),
    ]
    assert len({first, *others}) == 5
    assert all(len(name.encode()) <= 63 for name in others)


async def test_a_name_given_by_hand_is_used_as_it_is(tmp_path: Path) -> None:
    async with listening() as listener, advert(tmp_path, name="Küche. 🎤") as name:
        await listener.until(lambda names: "Küche. 🎤" in names)
        assert name == "Küche. 🎤"
        assert (await listener.look_up(name)).port == 10300


async def test_a_name_that_is_taken_is_numbered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as listener, advert(tmp_path, name="taken-name"):
        await listener.until(lambda names: "taken-name" in names)
        async with advert(tmp_path, name="taken-name", uri="tcp://127.0.0.1:10301"):
            await listener.until(lambda names: "taken-name-2" in names)
            assert (await listener.look_up("taken-name")).port == 10300
            assert (await listener.look_up("taken-name-2")).port == 10301
    assert "Another server is called 'taken-name', so this one is 'taken-name-2'" in caplog.text


async def test_a_port_beside_the_default_is_part_of_the_name(tmp_path: Path) -> None:
    async with advert(tmp_path, uri="tcp://127.0.0.1:10399") as name:
        assert name.endswith("-10399")


async def test_ipv6_loopback(tmp_path: Path) -> None:
    async with listening() as listener, advert(tmp_path, uri="tcp://[::1]:10300") as name:
        await listener.until(lambda names: name in names)
        assert (await listener.look_up(name)).parsed_addresses() == ["::1"]


async def test_a_host_name_is_resolved(tmp_path: Path) -> None:
    async with listening() as listener, advert(tmp_path, uri="tcp://localhost:10300") as name:
        await listener.until(lambda names: name in names)
        assert "127.0.0.1" in (await listener.look_up(name)).parsed_addresses()


async def test_what_listens_everywhere_is_found_on_loopback_at_a_loopback_address(tmp_path: Path) -> None:
    async with listening() as listener, advert(tmp_path, uri="tcp://0.0.0.0:10300") as name:
        await listener.until(lambda names: name in names)
        assert "127.0.0.1" in (await listener.look_up(name)).parsed_addresses()


@pytest.mark.parametrize("dual", [False, True])
async def test_a_server_at_every_ipv6_address_may_take_ipv4_as_well(tmp_path: Path, dual: bool) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=dual) as server:
        uri = f"tcp://[::]:{server.getsockname()[1]}"
        async with listening() as listener, advert(tmp_path, uri=uri) as name:
            await listener.until(lambda names: name in names)
            addresses = (await listener.look_up(name)).parsed_addresses()
    assert set(addresses) == ({"127.0.0.1", "::1"} if dual else {"::1"})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"uri": "unix:///tmp/asr.socket"}, "socket in the file system, .* listen at tcp://"),
        ({"uri": "tcp://no-such-host.invalid:10300"}, "'no-such-host.invalid' has no address"),
        ({"name": "two\nlines"}, "cannot be a name"),
        ({"name": " "}, "cannot be a name"),
        ({"name": "ü" * 32}, "1 to 63 bytes"),
        ({"data_dir": Path("/dev/null")}, "--data-dir"),
    ],
)
async def test_what_can_never_be_advertised(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(AdvertiseError, match=told) as caught:
        async with advert(**({"data_dir": tmp_path} | options)):
            pass
    assert "\n" not in str(caught.value)


async def test_a_wrong_address(tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        async with advert(tmp_path, uri="http://x"):
            pass


def test_longest_name() -> None:
    assert check_name("x" * 63) == "x" * 63


async def test_the_block_ends_in_order_when_it_fails_or_is_cancelled(tmp_path: Path) -> None:
    async with listening() as listener:
        entered = asyncio.Event()

        async def serve() -> None:
            async with advert(tmp_path, job="handle"):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(serve())
        await entered.wait()
        name = f"hearth-handle-{host_id(tmp_path)[:8]}"
        await listener.until(lambda names: name in names)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        await listener.until(lambda names: name not in names)
        with pytest.raises(ZeroDivisionError):
            async with advert(tmp_path):
                raise ZeroDivisionError


SERVER = """
import asyncio, sys
from pathlib import Path
from wyoming_servers.advertise import advertise
async def main():
    async with advertise(uri=sys.argv[1], name=sys.argv[2] or None, job="asr", default_port=10300,
                         data_dir=Path(sys.argv[3]), version="1"):
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["", "by-hand"])
async def test_after_sigkill_the_same_name_works_at_once(tmp_path: Path, name: str) -> None:
    expected = name or f"hearth-asr-{host_id(tmp_path)[:8]}"

    @asynccontextmanager
    async def server(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, f"tcp://127.0.0.1:{port}", name, str(tmp_path), stderr=-1
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
            _, errors = await process.communicate()
            assert errors == b""

    async with listening() as listener:
        async with server(10300):
            await listener.until(lambda names: expected in names)
        async with server(10300), asyncio.timeout(60), listening() as fresh:
            await fresh.until(lambda names: expected in names)
            assert (await fresh.look_up(expected)).port == 10300
        assert not {other for other in listener.names if other.startswith(expected) and other != expected}
