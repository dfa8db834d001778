from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from wyoming.wake import Detection

from models.microwakeword import open_wake_words
from satellite.listening.wake_server import WakeServer
from satellite.listening.waking import Waking, Woken
from satellite.network.watch import Origin, Server
from satellite.sound.microphone import CHUNK_BYTES, Chunk
from tests.models.speech import silence, speech
from tests.satellite.houses import House, nowhere, until
from tests.wyoming_servers.serving import serving
from wyoming_servers.wake import JOB
from wyoming_servers.wire import ConnectionLost, Info, describe, encode

pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed: script/setup")


async def say(waking: Waking, pcm: bytes) -> list[Woken]:
    """Speak to it, faster than anybody would, then wait up to 3 s for a server to hear it."""
    told: list[Woken] = []
    whole = len(pcm) // CHUNK_BYTES * CHUNK_BYTES
    pcm = pcm[:whole] + silence(3000)
    for at in range(0, len(pcm), CHUNK_BYTES):
        if at >= whole and told:
            break
        woken = waking.feed(Chunk(pcm[at : at + CHUNK_BYTES], at // 2, at / 32_000))
        told += [] if woken is None else [woken]
        await asyncio.sleep(0.005 if at < whole else 0.02)
    return told


@asynccontextmanager
async def wake_server(origin: Origin = Origin.BY_HAND) -> AsyncIterator[Server]:
    async with serving(JOB) as uri:
        yield Server("wake", "wake", uri, origin, frozenset({"wake"}), await describe(uri))


@asynccontextmanager
async def running(stream: WakeServer) -> AsyncIterator[Waking]:
    task = asyncio.create_task(stream.run())
    try:
        yield Waking(stream)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_server_that_was_named_hears_the_word() -> None:
    pcm = silence(500) + speech("Okay Nabu.") + silence(1000)
    (here,) = await say(Waking(open_wake_words().open(names=["okay_nabu"])), pcm)
    async with wake_server() as server:
        stream = WakeServer(House([server]), ["okay_nabu"], None)
        async with running(stream) as waking:
            await until(lambda: stream._server is not None)
            (woken,) = await say(waking, pcm)
    assert woken.name == "okay_nabu"
    assert woken.since == pytest.approx(here.since, abs=0.05)


async def test_a_server_that_was_only_found_hears_nothing() -> None:
    async with wake_server(Origin.HERE) as server:
        stream = WakeServer(House([server]), ["okay_nabu"], None)
        async with running(stream) as waking:
            assert await say(waking, speech("Okay Nabu.")) == []
            assert stream._server is None


async def test_without_the_server_it_is_heard_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.retry.backoff", lambda *_: iter([0.05] * 1000))
    pcm = silence(500) + speech("Okay Nabu.") + silence(500)
    here = open_wake_words().open(names=["okay_nabu"], refractory_s=0)
    house = House([nowhere("wake")])
    async with running(WakeServer(house, ["okay_nabu"], here)) as waking:
        assert [woken.name for woken in await say(waking, pcm)] == ["okay_nabu"]
    async with wake_server() as server:
        house = House([server])
        stream = WakeServer(house, ["okay_nabu"], open_wake_words().open(names=["okay_nabu"]))
        async with running(stream) as waking:
            await until(lambda: stream._server is not None)
            assert len(await say(waking, pcm)) == 1
            house.servers.clear()
            assert stream._server is not None
            stream._server.fail(ConnectionLost("it has died"), linger=False)
            await until(lambda: stream._server is None)
            (woken,) = await say(waking, pcm)
            assert woken.since == pytest.approx((len(pcm) - 48_000) / 32_000, abs=0.4)


async def test_a_word_that_the_server_does_not_know_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with wake_server() as server:
        house = House([server])
        async with running(WakeServer(house, ["computer"], None)):
            await until(lambda: house.failed)
    assert "no wake word 'computer'; there are alexa" in caplog.text


async def test_a_server_that_tells_of_a_word_again_and_again_fills_no_memory() -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(encode(Detection(name="okay_nabu", timestamp=0).event()) * 1000)
                await writer.drain()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    there = Server("wake", "wake", f"tcp://127.0.0.1:{port}", Origin.BY_HAND, frozenset({"wake"}), Info())
    stream = WakeServer(House([there]), ["okay_nabu"], None)
    async with running(stream):
        await until(lambda: len(stream._told) > 0)
        await asyncio.sleep(0.2)
        assert 0 < len(stream.feed(bytes(CHUNK_BYTES))) <= 16
    server.close()
