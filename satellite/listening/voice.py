"""How likely it is that somebody speaks, window by window, whoever can tell: a vad server, or else the engine in here.

Both give the probabilities of the same windows, so one can take over from the other in mid-sentence: what was heard
but not yet judged is given to the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wyoming.audio import AudioChunk, AudioStart
from wyoming.ping import Ping

from models.engine import EngineUnavailable, VoiceActivity, VoiceActivityStream
from satellite.backoff import backoff
from satellite.network.house import Servers
from wyoming_servers.wire import Connection, ConnectionLost, WireError, answer, connect
from wyoming_servers.wire.audio import RATE, WIDTH
from wyoming_servers.wire.vad import DetectVoice
from wyoming_servers.wire.vad import VoiceActivity as Judgement

_LOGGER = logging.getLogger(__name__)

WINDOW_SAMPLES = 512
"""Of one probability: 32 ms."""

_PING_S = 20.0
"""A server ends a connection on which nothing goes either way for a minute; with a wake word there often is nothing."""

BEHIND_S = 0.5
"""A server that judges later than this is too late to be of use."""

_WINDOW_BYTES = WINDOW_SAMPLES * WIDTH
_KEPT_BYTES = int(1.5 * RATE) * WIDTH
_CONNECT_S = 2.0


def open_silero() -> VoiceActivity:
    """Load the engine; raise `EngineUnavailable`."""
    from models.silero import SileroVoiceActivity

    return SileroVoiceActivity()


class Voice:
    """Judges one endless stream of 16 kHz mono sound.

    `judged` is called with each window's probability, in order, none left out but when nobody at all can judge.
    """

    def __init__(
        self,
        servers: Servers,
        judged: Callable[[float], None],
        *,
        open_engine: Callable[[], VoiceActivity] = open_silero,
    ) -> None:
        self._servers = servers
        self._tell = judged
        self._open_engine = open_engine
        self._engine: VoiceActivity | None = None
        self._stream: VoiceActivityStream | None = None
        self._server: Connection | None = None
        self._unjudged = bytearray()
        self._engine_missing = False

    @property
    def by_server(self) -> bool:
        """Whether a server judges now."""
        return self._server is not None

    @property
    def is_judged(self) -> bool:
        """Whether anybody judges now."""
        return self._server is not None or self._stream is not None

    async def feed(self, pcm: bytes) -> None:
        """Hear more. Takes at most `BEHIND_S`, whatever the server does."""
        self._unjudged += pcm
        if self._server is not None:
            try:
                async with asyncio.timeout(BEHIND_S):
                    await self._server.send(_chunk(pcm))
                if len(self._unjudged) > BEHIND_S * RATE * WIDTH:
                    raise ConnectionLost(f"{self._server.peer} is more than {BEHIND_S:g} s behind")
            except (WireError, TimeoutError):
                if self._server is not None:
                    self._server.fail(ConnectionLost("the vad server is too slow to be of use"), linger=False)
                self._alone()
        elif self._stream is not None:
            self._judge(pcm)
        else:
            self._alone()
        while len(self._unjudged) > _KEPT_BYTES:  # nobody judges
            self._judged(0.0)

    async def run(self) -> None:
        """Let a server judge whenever there is one, until cancelled."""
        waits = backoff(0.5, 30.0)
        while True:
            for server in self._servers.candidates("vad"):
                try:
                    async with await connect(server.uri, timeout=_CONNECT_S) as connection:
                        await self._follow(connection)
                except WireError as error:
                    if self._server is not None:
                        waits = backoff(0.5, 30.0)
                    _LOGGER.info("vad: %s", error)
                    self._servers.mark_failed(server)
                    break
                finally:
                    self._server = None
            else:
                await self._servers.changed()
                continue
            if self._stream is None:
                self._alone()
            await asyncio.sleep(next(waits))

    async def _follow(self, connection: Connection) -> None:
        """Let a server judge until it fails."""
        connection.send_nowait(DetectVoice(activity=True))
        connection.send_nowait(AudioStart(rate=RATE, width=WIDTH, channels=1))
        if self._unjudged:
            connection.send_nowait(_chunk(bytes(self._unjudged)))
        self._server, self._stream = connection, None
        while True:
            try:
                async with asyncio.timeout(_PING_S):
                    event = await answer(connection)
            except TimeoutError:
                connection.send_nowait(Ping())
                continue
            if Judgement.is_type(event.type) and connection is self._server:
                self._judged(Judgement.from_event(event).probability)

    def _alone(self) -> None:
        """Judge here, from the first window that was not judged; where that cannot be, go on unjudged."""
        self._server = None
        if self._engine_missing:
            return
        try:
            if self._engine is None:
                self._engine = self._open_engine()
        except EngineUnavailable as error:
            self._engine_missing = True  # only a server can help
            _LOGGER.warning("nobody tells when somebody speaks: there is no vad server, and %s", error)
            return
        self._stream = self._engine.open()
        self._judge(bytes(self._unjudged))

    def _judge(self, pcm: bytes) -> None:
        # Here, on the loop: a window takes 0.1 ms and holds the interpreter's lock, so a thread would gain nothing.
        assert self._stream is not None
        for probability in self._stream.feed(pcm):
            self._judged(probability)

    def _judged(self, probability: float) -> None:
        del self._unjudged[:_WINDOW_BYTES]
        self._tell(probability)


def _chunk(pcm: bytes) -> AudioChunk:
    return AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm)
