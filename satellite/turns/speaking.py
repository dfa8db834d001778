"""The answer spoken: text goes to a tts server as it is decided, and its sound to the speaker as it is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from models.clauses import Clauses
from satellite.network.house import Servers
from satellite.tasks import beside
from wyoming_servers.wire import BadValue, Connection, answer
from wyoming_servers.wire.audio import Format, chunk_format

from .asking import Asker, Patience, Silent, StageFailed
from .reply import Reply

if TYPE_CHECKING:
    from satellite.network.watch import Server

Write = Callable[[bytes, Format], Awaitable[None]]
"""Takes sound and its rate, width and channels."""

_LONGEST_S = 4.0
_LONGEST_S_A_CHARACTER = 0.4
"""More sound than this is no speech of the text that was asked for."""


async def speak(
    asker: Asker,
    reply: Reply,
    write: Write,
    *,
    voice: SynthesizeVoice | None,
    began: Callable[[], None] = lambda: None,
) -> None:
    """Say `reply` as it grows, to its end; say nothing where it has no words. `began` is called when text is sent.

    A server that fails is replaced by one that says all of it again, of which what was written already is left out.
    Raises `StageFailed`, and what `write` raises.
    """
    if not await reply.has_words():
        return
    written = 0.0

    async def attempt(connection: Connection, server: Server) -> None:
        program = next((program for program in server.info.tts if program.installed), None)
        streams = program is not None and program.supports_synthesize_streaming
        began()
        await (_stream if streams else _clause_by_clause)(connection, _Rest(written))
        if not written:
            raise BadValue("it sent no sound")

    async def _stream(connection: Connection, rest: _Rest) -> None:
        """Let the server cut the text as it likes."""
        await beside(_receive_stream(connection, rest), _send_stream(connection))

    async def _send_stream(connection: Connection) -> None:
        await connection.send(SynthesizeStart(voice=voice))
        async for piece in reply:
            await connection.send(SynthesizeChunk(text=piece))
        await connection.send(SynthesizeStop())

    async def _receive_stream(connection: Connection, rest: _Rest) -> None:
        last = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(asker.patience.silent):
                    event = await answer(connection)
            except TimeoutError:
                if not reply.ended:
                    last = time.monotonic()  # there may be nothing to say yet
                elif time.monotonic() - last >= asker.patience.silent:
                    raise Silent(f"it sent no sound for {asker.patience.silent:g} s") from None
                continue
            if event.type == "synthesize-stopped":
                return
            await _take(event, rest)
            last = time.monotonic()

    async def _clause_by_clause(connection: Connection, rest: _Rest) -> None:
        """For servers that take only whole texts: the first clause is heard while the next one is made."""
        clauses = Clauses()
        async for piece in reply:
            for clause in clauses.add(piece):
                await _say_clause(connection, clause, rest)
        for clause in clauses.flush():
            await _say_clause(connection, clause, rest)

    async def _say_clause(connection: Connection, clause: str, rest: _Rest) -> None:
        await connection.send(Synthesize(text=clause, voice=voice))
        while (event := await asker.next(connection)).type != "audio-stop":
            await _take(event, rest)

    async def _take(event: Event, rest: _Rest) -> None:
        nonlocal written
        if event.type != "audio-chunk":
            return
        sound = chunk_format(event)
        pcm = rest.of(event.payload or b"", sound)
        if pcm:
            await write(pcm, sound)
            written += len(pcm) / _bytes_a_second(sound)
        if written > _LONGEST_S + _LONGEST_S_A_CHARACTER * len(reply.text):
            raise BadValue(f"it sent {written:.0f} s of sound for {len(reply.text)} characters")

    await asker.ask("tts", attempt)


class _Rest:
    """Leaves out the first seconds of a sound, which were heard before."""

    def __init__(self, skip: float) -> None:
        self._skip = skip

    def of(self, pcm: bytes, sound: Format) -> bytes:
        rate, width, channels = sound
        skipped = min(len(pcm), round(self._skip * rate) * width * channels)
        self._skip -= skipped / _bytes_a_second(sound)
        return pcm[skipped:]


def _bytes_a_second(sound: Format) -> int:
    rate, width, channels = sound
    return rate * width * channels


async def render(
    servers: Servers, text: str, *, voice: SynthesizeVoice | None, patience: Patience
) -> list[tuple[bytes, Format]] | None:
    """Return `text` spoken, in pieces with their formats, or None where nobody can speak now."""
    reply = Reply()
    reply.add(text)
    reply.end()
    pieces: list[tuple[bytes, Format]] = []

    async def keep(pcm: bytes, sound: Format) -> None:
        pieces.append((pcm, sound))

    async with Asker(servers, patience) as asker:
        try:
            await speak(asker, reply, keep, voice=voice)
        except StageFailed:
            return None
    return pieces
