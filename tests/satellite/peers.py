"""Servers to be found, for tests: good ones, and ones that behave in some other way."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress

from wyoming.event import Event, async_read_event, write_event

from tests.satellite.small_server import Deaf, info
from wyoming_servers.service import Service


def encoded(event: Event) -> bytes:
    """Return `event` as the library writes it."""
    buffer = io.BytesIO()
    write_event(event, buffer)
    return buffer.getvalue()


INFO = encoded(info("asr").event())
PONG = encoded(Event("pong"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def good(port: int = 0, job: str = "asr") -> AsyncIterator[str]:
    """One of the real kind; yields its address."""
    async with Service(info(job), Deaf).listen(f"tcp://127.0.0.1:{port}") as uri:
        yield uri


class Odd:
    """One that answers each event with whatever `answer` returns, b"" for nothing, None to hang up."""

    def __init__(self, answer: Callable[[str], bytes | None], *, hangs_up: bool = False) -> None:
        self.answer = answer
        self.hangs_up = hangs_up
        """After every answer."""
        self.heard: list[str] = []
        """The events' types, with "+" for a new connection and "-" for its end."""
        self.uri = ""
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def listen(self, port: int = 0) -> AsyncIterator[Odd]:
        """Serve for the length of a block."""
        async with asyncio.TaskGroup() as tasks:
            server = await asyncio.start_server(
                lambda reader, writer: tasks.create_task(self._serve(reader, writer)), "127.0.0.1", port
            )
            self.uri = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                server.close()

    async def until(self, done: Callable[[list[str]], bool]) -> None:
        """Wait until enough has been heard."""
        async with asyncio.timeout(60):
            while not done(self.heard):
                self._changed.clear()
                await self._changed.wait()

    def _note(self, what: str) -> None:
        self.heard.append(what)
        self._changed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._note("+")
        with suppress(ConnectionError), closing(writer):
            while event := await async_read_event(reader):
                self._note(event.type)
                answer = self.answer(event.type)
                if answer is None:
                    break
                writer.write(answer)
                if self.hangs_up:
                    break
        self._note("-")
