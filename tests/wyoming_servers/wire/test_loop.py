from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from wyoming_servers.wire.loop import run, settle


class Resolver:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.may = threading.Event()

    def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        self.may.wait()
        if host == "nobody":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.may.set()


async def ask(name: str, port: int = 80) -> list[Any]:
    return await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)


def test_names_are_found_and_connected_to() -> None:
    async def work() -> bytes:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello\n")
            writer.close()

        async with await asyncio.start_server(greet, "localhost", 0) as server:
            reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
            said = await reader.read()
            writer.close()
            return said

    assert run(work()) == b"hello\n"


def test_a_name_that_is_asked_for_again_has_one_thread(resolver: Resolver) -> None:
    async def work() -> list[list[Any]]:
        asking = [asyncio.create_task(ask(name)) for name in ("here", "there", "here", "here")]
        given_up = asyncio.create_task(ask("here"))
        await asyncio.sleep(0)
        given_up.cancel()
        resolver.may.set()
        return await asyncio.gather(*asking)

    found = run(work())
    assert sorted(resolver.asked) == ["here", "there"]
    assert [entries[0][4] for entries in found] == [("127.0.0.1", 80)] * 4


def test_it_is_asked_for_anew_when_it_was_answered(resolver: Resolver) -> None:
    async def work() -> None:
        resolver.may.set()
        for _ in range(2):
            with pytest.raises(socket.gaierror, match="Name or service not known"):
                await ask("nobody")

    run(work())
    assert resolver.asked == ["nobody"] * 2


def test_what_is_never_answered_holds_nothing_up(resolver: Resolver) -> None:
    async def work() -> str:
        asking = [asyncio.create_task(ask(f"host-{number}")) for number in range(50)]
        await asyncio.sleep(0)
        try:
            return await asyncio.to_thread(str, "files are read meanwhile")
        finally:
            for task in asking:
                task.cancel()

    assert run(work()) == "files are read meanwhile"
    assert len(resolver.asked) == 50


def test_nobody_is_told_of_an_answer_that_came_too_late(
    resolver: Resolver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        asking = asyncio.create_task(ask("nobody"))
        await asyncio.sleep(0)
        asking.cancel()

    run(work())
    resolver.may.set()
    for thread in threading.enumerate():
        if thread.name == "names":
            thread.join(60)
    gc.collect()
    assert not caplog.records
    assert not capfd.readouterr().err


def test_what_is_there_is_not_looked_through_again() -> None:
    try:
        settle()
        assert gc.get_freeze_count() > 1000
        assert len(gc.get_objects()) < 1000
    finally:
        gc.unfreeze()
