from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from wyoming.event import Event

from satellite.network import watch as module
from satellite.network.discovery import Find
from satellite.network.watch import Origin, Watch
from tests.satellite.peers import INFO, PONG, Odd, encoded, free_port, good


class Watched:
    def __init__(self, watch: Watch, task: asyncio.Task[None]) -> None:
        self.watch = watch
        self.task = task
        self.history: list[bool] = []
        """Whether it answered, after each change."""
        self._changed = asyncio.Event()

    def change(self) -> None:
        self.history.append(self.watch.server is not None)
        self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def alive(self) -> None:
        await self.until(lambda: self.watch.server is not None)

    async def dead(self) -> None:
        await self.until(lambda: self.watch.server is None)


def find(*uris: str) -> Find:
    return Find("here:name", "name", "id", uris, here=True)


@asynccontextmanager
async def watching(*uris: str, origin: Origin = Origin.HERE, trusted: bool = False) -> AsyncIterator[Watched]:
    watch = Watch(
        find(*uris),
        origin,
        trusts=lambda _: trusted,
        strangers=asyncio.Semaphore(1),
        changed=lambda: watched.change(),  # noqa: PLW0108 - made below
    )
    task = asyncio.create_task(watch.run())
    watched = Watched(watch, task)
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None


def answers(event: str) -> bytes:
    return {"describe": INFO, "ping": PONG}.get(event, b"")


async def test_a_server_that_answers() -> None:
    async with good() as uri, watching(uri) as watched:
        await watched.alive()
        server = watched.watch.server
        assert server is not None
        assert (server.name, server.id, server.uri, server.jobs) == ("name", "id", uri, frozenset({"asr"}))
        assert server.info.asr[0].name == "small"


async def test_one_that_comes_back_on_the_same_port_is_used_again() -> None:
    port = free_port()
    async with watching(f"tcp://127.0.0.1:{port}") as watched:
        for _ in range(3):
            async with good(port):
                await watched.alive()
            await watched.dead()
    assert watched.history == [True, False] * 3


async def test_the_first_address_that_answers_is_used_and_remembered() -> None:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    port = free_port()
    async with watching(nobody, f"tcp://127.0.0.1:{port}") as watched:
        async with good(port) as uri:
            await watched.alive()
            assert watched.watch.server is not None
            assert watched.watch.server.uri == uri
        await watched.dead()
        async with good(port):
            await watched.alive()


async def test_a_server_in_use_is_kept_company_and_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    async with Odd(answers).listen() as odd, watching(odd.uri) as watched:
        await odd.until(lambda heard: len(heard) == 8)
        assert odd.heard == ["+", "describe", *["ping"] * 6]
        assert watched.history == [True]


async def test_one_that_knows_no_ping_is_asked_to_describe_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    monkeypatch.setattr(module, "_ANSWER_S", 0.1)
    async with Odd(lambda event: INFO if event == "describe" else b"").listen() as odd, watching(odd.uri) as watched:
        await odd.until(lambda heard: heard.count("describe") == 6)
        assert [event for event in odd.heard if event != "-"] == ["+", "describe", "ping", "+", *["describe"] * 5]
        assert watched.history == [True], "it was there all the time"


async def test_one_that_answers_ping_with_an_error_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    error = encoded(Event("error", {"text": "what?"}))
    async with Odd(lambda event: INFO if event == "describe" else error).listen() as odd, watching(odd.uri) as watched:
        await odd.until(lambda heard: heard.count("ping") == 3)
        assert watched.history == [True]


async def test_one_that_stops_answering_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    monkeypatch.setattr(module, "_ANSWER_S", 0.1)
    async with Odd(answers).listen() as odd, watching(odd.uri) as watched:
        await watched.alive()
        odd.answer = lambda _: b""
        await watched.dead()
        odd.answer = answers
        await watched.alive()


async def test_one_that_hangs_up_after_each_answer_is_there_and_not_overrun() -> None:
    async with Odd(answers, hangs_up=True).listen() as odd, watching(odd.uri) as watched:
        await watched.alive()
        await asyncio.sleep(0.5)
        assert watched.history == [True]
        assert odd.heard.count("+") <= 3


async def test_a_stranger_is_asked_for_its_info_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRANGER_S", 0.05)
    async with Odd(answers).listen() as odd, watching(odd.uri, origin=Origin.ELSEWHERE) as watched:
        await odd.until(lambda heard: len(heard) >= 9)
        assert odd.heard[:9] == ["+", "describe", "-"] * 3
        assert watched.history == [True]


async def test_a_trusted_one_elsewhere_is_kept_company() -> None:
    async with Odd(answers).listen() as odd, watching(odd.uri, origin=Origin.ELSEWHERE, trusted=True) as watched:
        await watched.alive()
        await asyncio.sleep(0.05)
        assert odd.heard == ["+", "describe"]


async def test_a_satellite_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_S", 0.01)
    made_by = {"name": "x", "url": "x"}
    about = {"name": "s", "attribution": made_by, "installed": True, "description": "", "version": "1"}
    satellite = Event("info", {"satellite": about, "asr": [{**about, "models": []}]})
    async with Odd(lambda _: encoded(satellite)).listen() as odd, watching(odd.uri) as watched:
        await watched.alive()
        assert watched.watch.server is not None
        assert watched.watch.server.jobs == frozenset()
        await odd.until(lambda heard: "-" in heard)
        assert odd.heard == ["+", "describe", "-"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        None,
        b"\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b'{"type": "info", "data": 5}\n',
        b'{"type": "info", "data": {"asr": [5]}}\n',
        b'{"type": "info", "data": {"asr": [{"name": "x"}]}}\n',
        b'{"type": "info", "data": {"asr": "yes"}}\n',
        b'{"type": "info", "data_length": 999999999999}\n',
        b'{"type": "info", "data_length": 100}\n{}',
        b'{"type": "info", "payload_length": 1048576}\n' + bytes(1000),
        b'{"type": "error", "data": {"text": "go away"}}\n',
        b'{"type": "x"}\n' * 50_000,
    ],
)
async def test_what_is_no_wyoming_server_is_none(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_S", 0.2)
    async with Odd(lambda _: answer).listen() as odd, watching(odd.uri) as watched:
        await odd.until(lambda heard: heard.count("+") == 2)
        assert watched.history == []
        assert not watched.task.done()


async def test_doubt_is_answered_by_a_new_description() -> None:
    async with good() as uri, watching(uri) as watched:
        await watched.alive()
        watched.watch.doubt()
        assert watched.watch.server is None
        await watched.alive()


async def test_a_goodbye_is_not_believed_while_it_answers() -> None:
    port = free_port()
    async with watching(f"tcp://127.0.0.1:{port}") as watched:
        async with good(port):
            await watched.alive()
            watched.watch.withdraw()
            await asyncio.sleep(0.1)
            assert watched.history == [True]
            assert not watched.task.done()
        await asyncio.wait_for(watched.task, 60)
        assert watched.watch.server is None


async def test_an_announcement_wakes_one_that_was_down() -> None:
    port = free_port()
    async with watching(f"tcp://127.0.0.1:{port}", origin=Origin.ELSEWHERE, trusted=True) as watched:
        await asyncio.sleep(0.05)
        async with good() as elsewhere:
            watched.watch.announce(find(elsewhere), Origin.ELSEWHERE)
            await watched.alive()
            assert watched.watch.server is not None
            assert watched.watch.server.uri == elsewhere
