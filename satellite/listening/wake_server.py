"""A wake word that a server hears: one that the user named, `--server wake=tcp://HOST:PORT`.

All that the microphone hears goes there, so it is never a server that was merely found. While it does not answer, the
words that are known here are heard here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence

from wyoming.audio import AudioChunk, AudioStart
from wyoming.wake import Detect

from models.engine import WakeWordHeard, WakeWordStream
from satellite.network.house import Servers
from satellite.network.watch import Origin
from satellite.retry import Retry
from wyoming_servers.wire import Connection, Fields, WireError, answer, connect
from wyoming_servers.wire.audio import RATE, WIDTH

_LOGGER = logging.getLogger(__name__)

_CONNECT_S = 2.0

_TOLD = 16
"""Words that a server tells of before the microphone gives more sound; of more, the last."""


class WakeServer(WakeWordStream):
    """Wake words as a server hears them; `run` keeps the connection."""

    def __init__(self, servers: Servers, names: Sequence[str], here: WakeWordStream | None) -> None:
        """`here` hears while there is no server; None where the words are not known here."""
        self._servers = servers
        self._names = names
        self._here = here
        self._server: Connection | None = None
        self._place = 0
        self._here_place = 0
        self._told: deque[WakeWordHeard] = deque(maxlen=_TOLD)

    def feed(self, pcm: bytes) -> list[WakeWordHeard]:
        """Hear more, and return what was heard by now: from a server, some time after it was said."""
        told = list(self._told)
        self._told.clear()
        if self._server is not None and self._server.is_open:
            # Its timestamp comes back with a detection in it, and so tells where that was.
            chunk = AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm, timestamp=self._place * 1000 // RATE)
            try:
                self._server.send_nowait(chunk)
            except WireError as error:  # `run` sees the end as well
                _LOGGER.info("wake: %s", error)
        elif self._here is not None:
            skipped = self._place - self._here_place
            self._here_place += len(pcm) // WIDTH
            told += [WakeWordHeard(one.name, one.samples + skipped) for one in self._here.feed(pcm)]
        self._place += len(pcm) // WIDTH
        return told

    async def run(self) -> None:
        """Let the server hear whenever there is one, until cancelled."""
        retry = Retry()
        while True:
            named = [one for one in self._servers.candidates("wake") if one.origin is Origin.BY_HAND]
            if not named:
                await self._servers.changed()
                continue
            try:
                async with await connect(named[0].uri, timeout=_CONNECT_S) as connection:
                    await self._follow(connection)
            except WireError as error:
                _LOGGER.warning("wake: %s%s", error, "" if self._here is None else "; the wake word is heard here")
                self._servers.mark_failed(named[0])
            finally:
                self._server = None
            await retry.wait()

    async def _follow(self, connection: Connection) -> None:
        connection.send_nowait(Detect(names=list(self._names)))
        connection.send_nowait(AudioStart(rate=RATE, width=WIDTH, channels=1))
        self._server = connection
        while True:
            event = await answer(connection)
            if event.type == "detection" and connection is self._server:
                fields = Fields(event.type, event.data)
                timestamp = fields.optional_whole("timestamp")
                place = self._place if timestamp is None else min(self._place, timestamp * RATE // 1000)
                self._told.append(WakeWordHeard(fields.optional_text("name") or self._names[0], place))
