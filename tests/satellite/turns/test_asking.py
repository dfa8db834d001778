from __future__ import annotations

import asyncio

import pytest
from wyoming.event import Event

from satellite.network.watch import Server
from satellite.turns.asking import Asker, Patience, StageFailed
from tests.satellite import houses
from tests.satellite.houses import House, asr, handle, house, nowhere, raw, serving, until
from wyoming_servers.wire import Connection, answer

PATIENCE = Patience(connect=0.5, silent=0.3, failing=0.5)


async def ask_time(connection: Connection, _server: Server) -> str:
    await connection.send(Event("transcript", {"text": "what time is it"}))
    while (event := await answer(connection)).type != "handled":
        pass
    return str(event.data["text"])


async def test_the_connection_is_there_before_it_is_needed() -> None:
    connected: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append("connected")
        await reader.readline()
        writer.write(b'{"type": "handled", "data": {"text": "noon"}}\n')
        await reader.read()

    async with house(raw("handle", behave)) as servers, Asker(servers, PATIENCE) as asker:
        asker.warm("asr", "handle", "tts")
        await until(lambda: connected)
        assert await asker.ask("handle", ask_time) == "noon"
        assert connected == ["connected"]
        assert await asker.ask("handle", ask_time) == "noon"
        assert len(connected) == 2


async def test_a_connection_that_died_while_it_waited_is_made_anew() -> None:
    connections = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections > 1:
            await reader.readline()
            writer.write(b'{"type": "handled", "data": {"text": "noon"}}\n')
            await reader.read()

    async with house(raw("handle", behave)) as servers, Asker(servers, PATIENCE) as asker:
        asker.warm("handle")
        await until(lambda: connections)
        await asyncio.sleep(0.05)
        assert await asker.ask("handle", ask_time) == "noon"
        assert (asker.failures, servers.failed) == ([], [])


async def test_what_was_not_used_is_closed() -> None:
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async with house(raw("handle", behave)) as servers:
        async with Asker(servers, PATIENCE) as asker:
            asker.warm("handle")
            await asyncio.sleep(0.05)
        await asyncio.wait_for(ended.wait(), 60)


async def test_a_server_that_comes_while_we_wait_is_asked() -> None:
    servers = House()
    async with serving("handle", handle("noon")) as server, Asker(servers, PATIENCE) as asker:
        asking = asyncio.create_task(asker.ask("handle", ask_time))
        await asyncio.sleep(0.1)
        assert not asking.done()
        servers.add(server)
        assert await asking == "noon"


async def test_who_refuses_is_not_asked_twice_and_nobody_else_is_waited_for() -> None:
    asked = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await houses.ERROR(reader, writer)

    loop = asyncio.get_running_loop()
    began = loop.time()
    async with house(raw("handle", behave)) as servers, Asker(servers, Patience(failing=60)) as asker:
        with pytest.raises(StageFailed, match=r"handle: bad handle at tcp://.*: out of order"):
            await asker.ask("handle", ask_time)
        assert servers.failed == ["bad handle"]
    assert asked == 1
    assert loop.time() - began < 5


async def test_who_is_busy_is_well_and_asked_again() -> None:
    asked = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await (houses.BUSY if asked < 3 else houses.sends(b'{"type": "handled", "data": {"text": "noon"}}\n'))(
            reader, writer
        )

    async with house(raw("handle", behave)) as servers, Asker(servers, Patience(failing=5)) as asker:
        assert await asker.ask("handle", ask_time) == "noon"
        assert servers.failed == []
    assert asked == 3


async def test_where_nobody_is_left_the_reason_is_told() -> None:
    async with house(nowhere("handle"), serving("asr", asr())) as servers, Asker(servers, PATIENCE) as asker:
        with pytest.raises(StageFailed, match=r"handle: nowhere at tcp://127\.0\.0\.1:9: .*cannot be reached"):
            await asker.ask("handle", ask_time)
        with pytest.raises(StageFailed, match="tts: no server was found"):
            await asker.ask("tts", ask_time)
