"""Home Assistant's own conversations, played again to real servers: what comes back is compared event by event."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import pytest
from wyoming.asr import Transcript
from wyoming.client import AsyncClient
from wyoming.handle import Handled
from wyoming.info import Describe, Info

from bench.servers import serving
from tests.home_assistant.recording import RECORDINGS, Differs, Recording, home_assistants, read, replay
from wyoming_servers.wire import encode

_ANSWER_S = 60.0
"""Home Assistant waits so long for `describe`."""

_BUSY_S = 10.0

Group = list[Recording]


def groups() -> list[Group]:
    """Return the recordings, those of a server with the same options together."""
    recordings = sorted(map(read, RECORDINGS), key=lambda one: (one.server, one.options))
    return [list(group) for _, group in groupby(recordings, key=lambda one: (one.server, one.options))]


GROUPS = pytest.mark.parametrize("group", groups(), ids=lambda group: " ".join([group[0].server, *group[0].options]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The servers' data: what the recognizer needs is made once."""
    return tmp_path_factory.mktemp("servers")


@asynccontextmanager
async def served(group: Group, folder: Path) -> AsyncIterator[str]:
    """Run the server of a group; what it logs is looked through at the end."""
    job = group[0].server
    async with serving([job], folder, options={job: group[0].options}) as running:
        yield running[job].uri
        assert running[job].troubles() == []


async def replay_all(group: Group, uri: str) -> None:
    for recording in group:
        try:
            await replay(recording, uri)
        except Exception as error:
            error.add_note(f"while {recording.name} was played again")
            raise


@GROUPS
async def test_recordings(group: Group, folder: Path) -> None:
    async with served(group, folder) as uri:
        await replay_all(group, uri)


@GROUPS
async def test_two_home_assistants_and_describe_meanwhile(group: Group, folder: Path) -> None:
    """Both use the same conversation ids, and each asks again and again on new connections what there is."""
    async with served(group, folder) as uri, asyncio.TaskGroup() as tasks:
        talking = [tasks.create_task(replay_all(group, uri)) for _ in range(2)]
        described = 0
        while not all(task.done() for task in talking):
            async with AsyncClient.from_uri(uri) as client:
                await client.write_event(Describe().event())
                event = await asyncio.wait_for(client.read_event(), _ANSWER_S)
                assert event is not None
                assert getattr(Info.from_event(event), group[0].server)[0].installed
            described += 1
            await asyncio.sleep(0.02)
        assert described


@GROUPS
async def test_home_assistant_goes_away(group: Group, folder: Path) -> None:
    """After every event that it sends, in the middle of every one, and while it is answered; then all is as before."""
    async with served(group, folder) as uri:
        for recording in group:
            await asyncio.gather(*(_leave(uri, sent) for sent in _partings(recording)))
        await _come_back(group[0], uri)
        await replay_all(group, uri)


def _partings(recording: Recording) -> Iterator[bytes]:
    """Yield what has been sent when it goes away."""
    events = [encode(event) for event in home_assistants(recording.connections[0])]
    some = range(len(events)) if len(events) < 10 else (0, 1, 2, len(events) // 2, len(events) - 2, len(events) - 1)
    for last in some:
        before = b"".join(events[:last])
        yield before + events[last][: len(events[last]) // 2]
        yield before + events[last]


async def _leave(uri: str, sent: bytes) -> None:
    host, port = uri.removeprefix("tcp://").rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    await writer.drain()
    writer.transport.abort()


async def _come_back(recording: Recording, uri: str) -> None:
    """Where a dozen have gone at once, the next one may be told for a moment that all have work."""
    async with asyncio.timeout(_BUSY_S):
        while True:
            try:
                await replay(recording, uri)
            except Differs as error:
                if error.code != "busy":
                    raise
                await asyncio.sleep(0.1)
            else:
                return


async def test_one_conversation_of_two_home_assistants(folder: Path) -> None:
    """Their ids differ in life; where they do not, each is answered what it asked."""
    sums = {"what is seven times eight": "7 times 8 is 56.", "what is two plus two": "2 plus 2 is 4."}

    async def talk(question: str) -> None:
        for _ in range(10):
            assert await _ask(uri, question) == sums[question]
            assert await _ask(uri, "repeat that") in sums.values()

    async with serving(["handle"], folder) as running:
        uri = running["handle"].uri
        await asyncio.gather(*map(talk, sums))
        assert running["handle"].troubles() == []


async def _ask(uri: str, text: str) -> str | None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Transcript(text, language="en", context={"conversation_id": "01M8"}).event())
        while (event := await asyncio.wait_for(client.read_event(), 60)) is not None:
            if Handled.is_type(event.type):
                return Handled.from_event(event).text
    raise AssertionError("the server has ended the connection")
