"""One answer on its way to be heard: text goes in as it is written, sound goes out, a piece ahead of who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wyoming.audio import AudioChunk, AudioStart, AudioStop

from models.clauses import Clauses
from models.engine import Speech
from models.pieces import Pace, Pieces
from models.plain import Plain
from models.silence import Trim
from models.speakable import speakable
from wyoming_servers.service import Client
from wyoming_servers.wire import BadValue
from wyoming_servers.workers import Stream

MOST_CHARACTERS = 20_000
"""Of one request: about twenty minutes of speech."""

_MOMENT_S = 0.1
"""Of silence, where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Voiced:
    """An engine's voice, ready to speak."""

    stream: Stream
    language: str
    """BCP 47."""

    rate: int
    shortest: int
    pace: Pace


class Speaking:
    """One answer, from its audio-start to its audio-stop."""

    def __init__(self, client: Client, voiced: Voiced, *, samples: int, more: Callable[[], Iterable[str]]) -> None:
        """`samples` is the size of a chunk; `more` returns the text that has come meanwhile."""
        self._client = client
        self._voiced = voiced
        self._chunk_bytes = 2 * samples
        self._more = more
        self._plain = Plain()
        self._clauses = Clauses(voiced.language)
        self._pieces = Pieces(voiced.pace, voiced.shortest)
        self._trim = Trim(voiced.rate)
        self._characters = 0
        self._played: float | None = None
        """Loop time at which all that was made will have been played."""

    async def begin(self) -> None:
        """Tell that sound will come."""
        await self._client.send(AudioStart(rate=self._voiced.rate, width=2, channels=1))

    async def say(self, text: str) -> None:
        """Say what `text` completes."""
        await self._add(text)
        await self._speak(over=False)

    async def finish(self) -> None:
        """Say the rest."""
        await self._take(self._clauses.add(self._plain.flush()) + self._clauses.flush())
        await self._speak(over=True)
        await self._send(self._trim.finish() or (b"" if self._played else self._moment()))
        await self._client.send(AudioStop())

    async def _add(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MOST_CHARACTERS:
            raise BadValue(f"the text has {self._characters} characters; at most {MOST_CHARACTERS} are said at a time")
        await self._take(self._clauses.add(self._plain.add(text)))

    async def _take(self, clauses: list[str]) -> None:
        for clause in clauses:
            self._pieces.add([speakable(clause, self._voiced.language)])
            await asyncio.sleep(0)  # a long text at once takes 0.1 s; others want their answers meanwhile

    async def _speak(self, *, over: bool) -> None:
        """Say the pieces that are there; each is sent while the next one is made."""
        made = b""
        while (piece := await self._next(over=over)) is not None:
            try:
                async with asyncio.TaskGroup() as tasks:
                    sending, made = made, b""
                    making = tasks.create_task(self._make(piece))
                    await self._send(sending)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
            made = making.result()
        await self._send(made)

    async def _next(self, *, over: bool) -> str | None:
        for text in () if over else self._more():
            await self._add(text)
        lead_s = None if self._played is None else max(0.0, self._played - asyncio.get_running_loop().time())
        return self._pieces.next(lead_s, over=over)

    async def _make(self, piece: str) -> bytes:
        """Return what may be played of `piece`; the silence at its end waits for the next sound."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        speech: Speech = await self._voiced.stream.call("speak", piece)
        now = loop.time()
        if not speech.remembered:
            self._voiced.pace.made(len(piece), self._seconds(speech.pcm), now - began)
        pcm = self._trim.feed(speech.pcm)
        if pcm:
            self._played = max(now, self._played or 0.0) + self._seconds(pcm)
        return pcm

    def _moment(self) -> bytes:
        """Return a moment of silence: of no sound at all, Home Assistant makes an error."""
        return bytes(2 * int(_MOMENT_S * self._voiced.rate))

    def _seconds(self, pcm: bytes) -> float:
        return len(pcm) / 2 / self._voiced.rate

    async def _send(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), self._chunk_bytes):
            audio = pcm[start : start + self._chunk_bytes]
            await self._client.send(AudioChunk(rate=self._voiced.rate, width=2, channels=1, audio=audio))
