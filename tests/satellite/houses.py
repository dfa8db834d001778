"""Small houses for the tests: real Wyoming servers on real sockets, well-behaved and not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop
from wyoming.info import AsrProgram, Attribution, HandleProgram, TtsProgram
from wyoming.tts import SynthesizeStopped

from models.clauses import Clauses
from satellite.network.watch import Origin, Server
from tests.satellite.sounds import tone
from wyoming_servers.service import Client, Service, Session
from wyoming_servers.wire import Info, describe

RATE = 22_050
US = Attribution(name="tests", url="https://example.org")

Behaviour = Callable[[Client, Event], Awaitable[None]]
"""What a server does with each event; it has a place of its own for every connection."""


class Played(Session):
    """A session that does what the test says."""

    def __init__(self, client: Client, behaviour: Behaviour) -> None:
        super().__init__(client)
        self._behaviour = behaviour

    async def handle(self, event: Event) -> None:
        await self._behaviour(self.client, event)


@dataclass
class House:
    """Servers by job, as the satellite sees them."""

    servers: list[Server] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    change: asyncio.Event = field(default_factory=asyncio.Event)

    def candidates(self, job: str) -> Sequence[Server]:
        return sorted(
            (server for server in self.servers if job in server.jobs), key=lambda server: server.name in self.failed
        )

    def mark_failed(self, server: Server) -> None:
        self.failed.append(server.name)

    async def changed(self) -> None:
        await self.change.wait()

    def add(self, server: Server) -> None:
        self.servers.append(server)
        self.change.set()
        self.change = asyncio.Event()


def info(job: str, **more: bool) -> Info:
    shared = {"name": job, "attribution": US, "installed": True, "description": "", "version": "1"}
    match job:
        case "asr":
            return Info(asr=[AsrProgram(**shared, models=[], **more)])  # type: ignore[arg-type]
        case "handle":
            return Info(handle=[HandleProgram(**shared, models=[], **more)])  # type: ignore[arg-type]
        case _:
            return Info(tts=[TtsProgram(**shared, voices=[], **more)])  # type: ignore[arg-type]


@asynccontextmanager
async def serving(
    job: str, make: Callable[[], Behaviour], *, name: str = "", uri: str = "tcp://127.0.0.1:0", **more: bool
) -> AsyncIterator[Server]:
    """Serve `job`; `make` makes the behaviour of each connection."""
    service = Service(info(job, **more), lambda client: Played(client, make()))
    async with service.listen(uri) as where:
        yield Server(name or job, name or job, where, Origin.HERE, frozenset([job]), await describe(where))


@asynccontextmanager
async def house(*serving_: object) -> AsyncIterator[House]:
    """Open servers (`serving(...)`, or `Server`s that need no opening) and put them into a house, in their order."""
    async with AsyncExitStack() as stack:
        servers = House()
        for one in serving_:
            servers.add(one if isinstance(one, Server) else await stack.enter_async_context(one))  # type: ignore[arg-type]
        yield servers


def nowhere(job: str, name: str = "nowhere", **more: bool) -> Server:
    """Return a server that refuses connections."""
    return Server(name, name, "tcp://127.0.0.1:9", Origin.HERE, frozenset([job]), info(job, **more))


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - whatever a test waits for
            await asyncio.sleep(0.005)


# ---- those that do their work


def asr(text: str = "what time is it", *, heard: list[bytes] | None = None) -> Callable[[], Behaviour]:
    """Write down `text` at audio-stop; what was heard goes to `heard`."""

    def make() -> Behaviour:
        sound = bytearray()

        async def behave(client: Client, event: Event) -> None:
            if event.type == "audio-chunk":
                sound.extend(event.payload or b"")
            elif event.type == "audio-stop":
                if heard is not None:
                    heard.append(bytes(sound))
                await client.send(Transcript(text=text))

        return behave

    return make


def early_asr(text: str = "stop", after: int = 32_000) -> Callable[[], Behaviour]:
    """Write down `text` once `after` bytes were heard."""

    def make() -> Behaviour:
        heard = 0

        async def behave(client: Client, event: Event) -> None:
            nonlocal heard
            before, heard = heard, heard + len(event.payload or b"")
            if before < after <= heard:
                await client.send(Transcript(text=text))

        return behave

    return make


def handle(
    *chunks: str, context: dict[str, object] | None = None, asked: list[Event] | None = None, whole: bool = True
) -> Callable[[], Behaviour]:
    """Answer with `chunks`, streamed, then whole."""

    def make() -> Behaviour:
        async def behave(client: Client, event: Event) -> None:
            if event.type != "transcript":
                return
            if asked is not None:
                asked.append(event)
            await client.send(HandledStart())
            for chunk in chunks:
                await client.send(HandledChunk(text=chunk))
                await asyncio.sleep(0)
            await client.send(HandledStop())
            if whole:
                await client.send(Handled(text="".join(chunks), context=context))

        return behave

    return make


def sound_of(text: str) -> bytes:
    """Return what the test's voice says for `text`: 5 ms of tone a character, its pitch by the first one."""
    return tone(0.005 * len(text), rate=RATE, hertz=200 + 10 * (ord(text[:1] or " ") % 64))


def spoken(text: str) -> bytes:
    """Return what it says for `text` clause by clause."""
    clauses = Clauses()
    return b"".join(map(sound_of, [*clauses.add(text), *clauses.flush()]))


async def say(client: Client, text: str) -> None:
    sound = sound_of(text)
    await client.send(AudioStart(rate=RATE, width=2, channels=1))
    for begin in range(0, len(sound), 2048):
        await client.send(AudioChunk(rate=RATE, width=2, channels=1, audio=sound[begin : begin + 2048]))
    await client.send(AudioStop())


def tts(said: list[str] | None = None) -> Callable[[], Behaviour]:
    """Speak whole texts."""

    def make() -> Behaviour:
        async def behave(client: Client, event: Event) -> None:
            if event.type == "synthesize":
                if said is not None:
                    said.append(event.data["text"])
                await say(client, event.data["text"])

        return behave

    return make


def streaming_tts(said: list[str] | None = None) -> Callable[[], Behaviour]:
    """Speak pieces of text as they come."""

    def make() -> Behaviour:
        async def behave(client: Client, event: Event) -> None:
            if event.type == "synthesize-chunk":
                if said is not None:
                    said.append(event.data["text"])
                await say(client, event.data["text"])
            elif event.type == "synthesize-stop":
                await client.send(SynthesizeStopped())

        return behave

    return make


# ---- those that do not


@asynccontextmanager
async def raw(
    job: str, behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **more: bool
) -> AsyncIterator[Server]:
    """Serve anything at all; `behave` is called for every connection, which ends when it returns."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await behave(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Server(f"bad {job}", "bad", f"tcp://127.0.0.1:{port}", Origin.HERE, frozenset([job]), info(job, **more))
    server.close()
    for task in list(tasks):
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def dies_at_once(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """End the connection."""


async def dies_later(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """End the connection in the middle of the work."""
    await reader.readline()
    await asyncio.sleep(0.05)


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    while await reader.read(65_536):
        pass


async def reads_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take nothing, say nothing."""
    await asyncio.sleep(100)


def sends(data: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what sends `data` as soon as it is asked something, and then waits."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(data)
        while await reader.read(65_536):
            pass

    return behave


GARBAGE = sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")
HALF = sends(b'{"type": "audio-chunk", "payload_length": 1000}\nhalf')
ERROR = sends(b'{"type": "error", "data": {"text": "out of order", "code": "broken"}}\n')
BUSY = sends(b'{"type": "error", "data": {"text": "no place is free", "code": "busy"}}\n')
WRONG = sends(
    b'{"type": "transcript", "data": {"text": 5}}\n'
    b'{"type": "handled", "data": {"text": {}}}\n'
    b'{"type": "audio-chunk", "data": {"rate": 1, "width": "x"}}\n'
)
