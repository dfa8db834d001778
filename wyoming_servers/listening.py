"""What the servers that hear share: one audio stream after the other, of any format, as 16 kHz mono."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from wyoming_servers.service import Client, Session
from wyoming_servers.wire import BadValue
from wyoming_servers.wire.audio import RATE, WIDTH, AudioConverter, chunk_format

_HEAR_BYTES = RATE * WIDTH
"""One second: what `hear` is given at once, about."""


class ListeningSession(Session):
    """Turns audio events into calls: `begin`, then `hear` as often as audio comes, then `finish`.

    `audio-start` may be left out, and the format may change from chunk to chunk. After an error the rest of that stream
    is read and dropped.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._converter: AudioConverter | None = None
        self._dropping = False

    @abstractmethod
    async def begin(self) -> None:
        """A stream starts."""

    @abstractmethod
    async def hear(self, pcm: bytes) -> bool:
        """Take more of the stream (16 kHz mono s16); return False when the rest of it is of no interest."""

    def missing(self) -> int:
        """Return how many more bytes of the stream are needed for `hear` to have anything to do."""
        return 0

    @abstractmethod
    async def finish(self) -> None:
        """The stream is over. Also called where `hear` returned False before."""

    @abstractmethod
    async def handle_other(self, event: Event) -> None:
        """Take an event that is not audio."""

    def came(self, chunk: Event) -> None:
        """Look at a chunk whose sound comes with the next `hear`."""

    async def handle(self, event: Event) -> None:
        """Take one event."""
        if AudioStart.is_type(event.type):
            self._dropping, self._converter = True, None  # until it is known to be good
            self._converter = AudioConverter(*chunk_format(event))
            await self._begin()
            self._dropping = False
        elif AudioChunk.is_type(event.type):
            if not self._dropping:
                await self._hear([event, *self.client.take(event.type)])
        elif AudioStop.is_type(event.type):
            converter, self._converter = self._converter, None
            if converter is not None:
                if not self._dropping and (rest := converter.flush()):
                    await self.hear(rest)
                await self.finish()
                self.end_request()
            elif not self._dropping:
                raise BadValue("'audio-stop' came before any audio; send 'audio-start' first")
            self._dropping = False
        else:
            await self.handle_other(event)

    async def reset(self) -> None:
        """Drop the rest of the stream that failed."""
        self._dropping, self._converter = True, None

    async def _begin(self) -> None:
        self.begin_request("audio-start")
        await self.begin()

    async def _hear(self, chunks: list[Event]) -> None:
        if self._converter is None:  # some clients send no audio-start
            self._converter = AudioConverter(*chunk_format(chunks[0]))
            await self._begin()
        for pcm in self._converted(self._converter, chunks):
            if not await self.hear(pcm):
                self._dropping = True
                return
        rate, width, channels = self._converter.format
        self.client.be_patient(chunks[0].type, self.missing() * rate * width * channels // (RATE * WIDTH))

    def _converted(self, converter: AudioConverter, chunks: list[Event]) -> Iterator[bytes]:
        """Yield the sound of `chunks`, not much at a time: a worker serves other streams between two pieces."""
        pcm = bytearray()
        for chunk in chunks:
            if (wanted := chunk_format(chunk)) != converter.format:
                pcm += converter.flush()
                self._converter = converter = AudioConverter(*wanted)
            self.came(chunk)
            for piece in converter.pieces(chunk.payload or b""):
                pcm += piece
                if len(pcm) >= _HEAR_BYTES:
                    yield bytes(pcm)
                    pcm.clear()
        if pcm:
            yield bytes(pcm)
