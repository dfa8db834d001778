from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from satellite.network import servers as module
from satellite.network.discovery import Find
from satellite.network.servers import ByHand, NoServer, Servers
from satellite.network.trust import Trust
from satellite.network.watch import Origin, Server
from satellite.services.supervisor import Program, Supervisor
from tests.satellite.peers import INFO, Odd, free_port, good
from tests.satellite.small_server import info
from wyoming_servers.advertise import advertise
from wyoming_servers.wire.mdns import SERVICE_TYPE


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "trusted.json")


async def until(servers: Servers, done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():
            await servers.changed()


@asynccontextmanager
async def advertised(tmp_path: Path, uri: str) -> AsyncIterator[str]:
    async with advertise(
        uri=uri, name=None, job="asr", default_port=10300, data_dir=tmp_path / "host", version="1"
    ) as name:
        yield name


def uris(servers: list[Server]) -> list[str]:
    return [server.uri for server in servers]


# ---- named by hand


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("asr=tcp://10.0.0.5:10300", ByHand("asr", "tcp://10.0.0.5:10300")),
        ("tts=unix:///run/tts.socket", ByHand("tts", "unix:///run/tts.socket")),
        ("wake=tcp://[::1]:1", ByHand("wake", "tcp://[::1]:1")),
    ],
)
def test_a_server_named_by_hand(text: str, server: ByHand) -> None:
    assert ByHand.parse(text) == server


@pytest.mark.parametrize(
    "text",
    ["", "asr", "asr=", "=tcp://h:1", "ears=tcp://h:1", "asr=h:1", "asr=tcp://h", "asr=tcp://h:99999", "asr=x=y"],
)
def test_what_names_no_server_is_told_in_a_line(text: str) -> None:
    with pytest.raises(ValueError, match="tcp://") as caught:
        ByHand.parse(text)
    assert "\n" not in str(caught.value)


async def test_by_hand_is_used_for_what_it_was_named_for(trust: Trust) -> None:
    async with good() as asr, good(job="tts") as tts:
        named = [ByHand("asr", asr), ByHand("asr", tts), ByHand("tts", asr)]
        async with Servers(by_hand=named, trust=trust, browse=False) as servers:
            await until(servers, lambda: len(servers.all()) == 2)
            assert uris(servers.candidates("asr")) == [asr]
            assert servers.candidates("tts") == []
            (server,) = servers.candidates("asr")
            assert (server.origin, server.name) == (Origin.BY_HAND, asr)


async def test_who_is_missing_is_told_with_what_to_do(trust: Trust) -> None:
    named = [ByHand("asr", f"tcp://127.0.0.1:{free_port()}")]
    async with Servers(by_hand=named, trust=trust, browse=False) as servers:
        with pytest.raises(NoServer) as caught:
            await servers.wait_for(["asr", "tts"], 0.1)
    assert str(caught.value) == (
        "there is no server for asr, tts: start the house's own with 'hearth up', or name one with "
        f"--server asr=tcp://HOST:PORT; {named[0].uri} does not answer for asr"
    )


async def test_waiting_for_none_is_over_at_once(trust: Trust) -> None:
    async with Servers(trust=trust, browse=False) as servers:
        await servers.wait_for([], 0)


# ---- found


async def test_this_machines_servers_are_used_at_once(trust: Trust, tmp_path: Path) -> None:
    async with Servers(trust=trust) as servers, good() as uri:
        async with advertised(tmp_path, uri) as name:
            await until(servers, lambda: uri in uris(servers.candidates("asr")))
            server = next(server for server in servers.candidates("asr") if server.uri == uri)
            assert (server.name, server.origin) == (name, Origin.HERE)
            await servers.wait_for(["asr"], 1)
        assert uri in uris(servers.candidates("asr")), "its goodbye is no reason to drop one that answers"
    assert uri.startswith("tcp://127.0.0.1:")


async def test_one_that_says_goodbye_and_ends_is_forgotten(trust: Trust, tmp_path: Path) -> None:
    async with Servers(trust=trust) as servers:
        async with good() as uri, advertised(tmp_path, uri):
            await until(servers, lambda: uri in uris(servers.all()))
        await until(servers, lambda: uri not in uris(servers.all()))


async def test_a_server_made_with_the_library_is_used(trust: Trust) -> None:
    class Handler(AsyncEventHandler):
        async def handle_event(self, event: Event) -> bool:
            if event.type == "describe":
                await self.write_event(info("tts").event())
            return True

    port = free_port()
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(Handler)
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as zeroconf, Servers(trust=trust) as servers:
        service = AsyncServiceInfo(
            SERVICE_TYPE, f"00deadbeef{port}.{SERVICE_TYPE}", port=port, addresses=[b"\x7f\0\0\1"]
        )
        await (await zeroconf.async_register_service(service, cooperating_responders=True))
        await until(servers, lambda: f"tcp://127.0.0.1:{port}" in uris(servers.candidates("tts")))
    await server.stop()


async def test_a_killed_server_is_started_found_and_used_again(trust: Trust, tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    small = Path(__file__).parents[1] / "small_server.py"
    options = ["--uri", uri, "--zeroconf", "--data-dir", str(tmp_path / "host")]
    program = Program("asr", uri, (sys.executable, "-P", str(small), "asr", *options))
    async with Servers(trust=trust) as servers, Supervisor([program], output=lambda *_: None) as supervisor:
        await supervisor.ready(20)
        await until(servers, lambda: uri in uris(servers.candidates("asr")))
        for _ in range(2):
            pid = supervisor.states["asr"].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(servers, lambda: uri not in uris(servers.candidates("asr")))
            await until(servers, lambda: uri in uris(servers.candidates("asr")))
            await supervisor.ready(20)


# ---- which first


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_by_hand_comes_first_then_this_machine_then_the_trusted(trust: Trust) -> None:
    async with AsyncExitStack() as stack:
        hand, here, trusted, stranger = [await stack.enter_async_context(good()) for _ in range(4)]
        servers = await stack.enter_async_context(Servers(by_hand=[ByHand("asr", hand)], trust=trust, browse=False))
        trust.add("id-trusted", "trusted")
        await asyncio.sleep(0)
        servers._found(Find("lan:s", "stranger", "id-stranger", (stranger,), here=False))
        servers._found(Find("lan:t", "trusted", "id-trusted", (trusted,), here=False))
        servers._found(Find("here:h", "here", "id-here", (here,), here=True))
        await until(servers, lambda: len(servers.all()) == 4)
        assert uris(servers.candidates("asr")) == [hand, here, trusted]
        assert [server.name for server in servers.all()] == [hand, "here", "stranger", "trusted"]
        trust.add("id-stranger", "stranger")
        assert uris(servers.candidates("asr")) == [hand, here, stranger, trusted], "trust works at once"
        trust.remove("trusted")
        assert uris(servers.candidates("asr")) == [hand, here, stranger]


async def test_a_stranger_is_shown_and_told_of_but_not_used(trust: Trust) -> None:
    async with good() as uri, Servers(trust=trust, browse=False) as servers:
        await asyncio.sleep(0)
        servers._found(Find("lan:s", "stranger", "id", (uri,), here=False))
        with pytest.raises(NoServer, match="'stranger' on another host may be used after 'hearth trust stranger'"):
            await servers.wait_for(["asr"], 0.3)
        assert [server.name for server in servers.all()] == ["stranger"]


async def test_one_that_failed_comes_last_for_a_while(trust: Trust) -> None:
    clock = Clock()
    async with good() as first, good() as second:
        named = [ByHand("asr", first), ByHand("asr", second)]
        async with Servers(by_hand=named, trust=trust, browse=False, clock=clock) as servers:
            await until(servers, lambda: len(servers.all()) == 2)
            best, other = servers.candidates("asr")
            servers.mark_failed(best)
            assert servers.candidates("asr") == [other]
            await until(servers, lambda: len(servers.all()) == 2)
            assert servers.candidates("asr") == [other, best]
            clock.now += module.DOUBT_S
            assert servers.candidates("asr") == [best, other]


async def test_one_found_on_loopback_and_on_the_network_is_one(trust: Trust) -> None:
    async with good() as loopback, good() as network, Servers(trust=trust, browse=False) as servers:
        await asyncio.sleep(0)
        servers._found(Find("lan:same", "same", "id", (network,), here=True))
        await until(servers, lambda: uris(servers.all()) == [network])
        servers._found(Find("here:same", "same", "id", (loopback,), here=True))
        await until(servers, lambda: uris(servers.all()) == [loopback])


# ---- bounds


async def test_there_is_room_for_so_many_and_the_silent_make_room(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FINDS", 3)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(Servers(trust=trust, browse=False))
        await asyncio.sleep(0)
        for number in range(20):
            servers._found(Find(f"lan:{number}", f"silent {number}", "x", (nobody,), here=False))
        for number in range(4):
            uri = await stack.enter_async_context(good())
            servers._found(Find(f"lan:good {number}", f"good {number}", "x", (uri,), here=False))
            if number < 3:
                await until(servers, lambda: len(servers.all()) == number + 1)  # noqa: B023 - awaited here
        servers._found(Find("here:own", "own", "x", (uri,), here=True))
        await until(servers, lambda: len(servers.all()) == 4)
        assert [server.name for server in servers.all()] == ["own", "good 0", "good 1", "good 2"]


async def test_strangers_that_never_answer_hold_up_nobody(trust: Trust) -> None:
    async with AsyncExitStack() as stack:
        tarpits = [await stack.enter_async_context(Odd(lambda _: b"").listen()) for _ in range(20)]
        servers = await stack.enter_async_context(Servers(trust=trust, browse=False))
        await asyncio.sleep(0)
        for number, tarpit in enumerate(tarpits):
            servers._found(Find(f"lan:{number}", "tarpit", "x", (tarpit.uri,), here=False))
        await asyncio.sleep(0.1)
        assert sum(tarpit.heard.count("+") for tarpit in tarpits) == 8
        uri = await stack.enter_async_context(good())
        servers._found(Find("here:good", "good", "x", (uri,), here=True))
        await servers.wait_for(["asr"], 2)


async def test_the_end_of_the_block_leaves_no_task_and_no_connection(trust: Trust) -> None:
    before = asyncio.all_tasks()
    async with Odd(lambda _: INFO).listen() as odd:
        async with Servers(by_hand=[ByHand("asr", odd.uri)], trust=trust) as servers:
            await servers.wait_for(["asr"], 5)
            assert len(asyncio.all_tasks() - before) > 3
        await odd.until(lambda heard: heard[-1] == "-")
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before


async def test_what_goes_wrong_in_the_block_comes_out_as_it_is(trust: Trust) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Servers(trust=trust, browse=False):
            raise ZeroDivisionError
