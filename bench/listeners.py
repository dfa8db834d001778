"""Many live listeners in one client: `python -P -m bench.listeners URI STREAMS SECONDS CHUNK_SAMPLES`.

Each sends speech at the speed of life, beginning at a time of its own, and asks for the probability of every window.
Prints "ready" when all have settled, then, as JSON, how many ms after a window's last sample was sent its probability
came, for every window, null for one of which it never came.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import sys

from wyoming.audio import AudioChunk, AudioStart
from wyoming.event import Event

from bench.conversations import QUESTIONS, speak
from models.silero import WINDOW_SAMPLES
from wyoming_servers.wire import Connection, Limits, Tcp, encode, parse_uri
from wyoming_servers.wire.audio import RATE, WIDTH
from wyoming_servers.wire.vad import DetectVoice, VoiceActivity

_NICE = 5
"""Clients are other machines in life; here they should not keep the measured ones from running."""

_SETTLE_S = 2.0
"""All connect at once, which they do not do in life: windows before it do not count."""

_LAST_S = 1.0
"""How long the last answers may take."""


class _Listener:
    """One client, and when it sent what."""

    def __init__(self, pcm: bytes, chunk_samples: int) -> None:
        self._chunk_samples = chunk_samples
        size = chunk_samples * WIDTH
        self._chunks = [
            encode(AudioChunk(RATE, WIDTH, 1, pcm[at : at + size]).event()) for at in range(0, len(pcm) - size, size)
        ]
        self._sent: list[float] = []
        self._came: dict[int, float] = {}
        self._loop = asyncio.get_running_loop()

    async def run(self, uri: Tcp, begins: float, counts: float, ends: float) -> list[float | None]:
        """Send until `ends`; return the ms of every window that was complete after `counts`."""
        _, connection = await self._loop.create_connection(
            lambda: Connection(Limits(), intercept=self._arrived), uri.host, uri.port
        )
        async with connection:
            await connection.send(DetectVoice(activity=True))
            await connection.send(AudioStart(RATE, WIDTH, 1))
            period = self._chunk_samples / RATE
            for index in range(math.floor((ends - begins) / period)):
                await asyncio.sleep(begins + index * period - self._loop.time())
                connection.write(self._chunks[index % len(self._chunks)])
                self._sent.append(self._loop.time())
            await asyncio.sleep(_LAST_S)
        times: list[float | None] = []
        for window in range(len(self._sent) * self._chunk_samples // WINDOW_SAMPLES):
            sent = self._sent[math.ceil((window + 1) * WINDOW_SAMPLES / self._chunk_samples) - 1]
            if sent >= counts:
                came = self._came.get(window)
                times.append(None if came is None else round((came - sent) * 1000, 2))
        return times

    def _arrived(self, _: Connection, event: Event) -> bool:
        if VoiceActivity.is_type(event.type):
            self._came[event.data["timestamp"] * RATE // 1000 // WINDOW_SAMPLES] = self._loop.time()
        return True


async def main(uri: str, streams: int, seconds: float, chunk_samples: int) -> None:
    """Listen with all, and print what each window took."""
    os.nice(_NICE)
    target = parse_uri(uri)
    assert isinstance(target, Tcp)
    spoken = [speak(text) for text in QUESTIONS]
    listeners = [_Listener(spoken[index % len(spoken)], chunk_samples) for index in range(streams)]
    now = asyncio.get_running_loop().time()
    chance = random.Random(streams)
    begin = [now + 1.0 + chance.uniform(0, chunk_samples / RATE) for _ in listeners]
    counts = now + 1.0 + _SETTLE_S
    asyncio.get_running_loop().call_at(counts, lambda: print("ready", flush=True))
    done = await asyncio.gather(
        *(one.run(target, at, counts, counts + seconds) for one, at in zip(listeners, begin, strict=True))
    )
    print(json.dumps([time for times in done for time in times]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
