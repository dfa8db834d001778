"""Home Assistant as a satellite knows it: what its Wyoming integration (2026.11) sends, and when, over a real socket.

It connects, sends `run-satellite` and `describe`, pings 2 s after each pong, hangs up after 5 s without an event, and
runs a pipeline when asked: a scripted one, which hears, transcribes, and answers with speech.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite
from wyoming.snd import Played
from wyoming.tts import Synthesize, SynthesizeVoice
from wyoming.vad import VoiceStarted, VoiceStopped
from wyoming.wake import Detect, Detection

from tests.satellite.sounds import tone

TTS_RATE = 22_050
CHUNK_BYTES = 2048

Answer = Callable[[bytes], tuple[str, str]]
"""From what was said (16 kHz 16-bit mono): its words, and the answer. No words: none were recognized."""


class HomeAssistant:
    """One connection to a satellite."""

    def __init__(self, client: AsyncTcpClient, answer: Answer, *, hears_s: float, speaks_s: float) -> None:
        """It hears `hears_s` seconds of sound before it knows the words, and its answers take `speaks_s` seconds."""
        self.events: list[Event] = []
        """All that came but sound, pings and pongs."""
        self.runs: list[RunPipeline] = []
        self.info: Info | None = None
        self.played = 0
        self.pings = 0
        self.answered = 0
        """Answers that were sent whole."""
        self.hung_up = False
        self._client = client
        self._answer = answer
        self._hears_bytes = round(hears_s * 32_000)
        self._speaks_s = speaks_s
        self._changed = asyncio.Event()
        self._audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._pipeline: asyncio.Task[None] | None = None
        self._pipeline_ended = False
        self._tasks = asyncio.TaskGroup()

    async def loop(self) -> None:
        """Serve the satellite until either side ends."""
        async with self._tasks:
            await self._send(RunSatellite().event(), Describe().event())
            self._tasks.create_task(self._ping_later())
            try:
                while True:
                    async with asyncio.timeout(5):  # Home Assistant's: any event, or it hangs up
                        event = await self._client.read_event()
                    if event is None:
                        break
                    await self._take(event)
            except (TimeoutError, ConnectionError):
                pass
            self.hung_up = True
            self._changed.set()
            if self._pipeline is not None:
                self._pipeline.cancel()
            raise asyncio.CancelledError

    async def until(self, done: Callable[[HomeAssistant], bool], seconds: float = 20) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(seconds):
            while not done(self):
                self._changed.clear()
                await self._changed.wait()

    async def announce(self, seconds: float = 0.3) -> None:
        """Announce something, and wait until it was heard."""
        before = self.played
        if self._pipeline is not None:
            self._pipeline.cancel()
        await self._speak(seconds)
        await self.until(lambda me: me.played > before)

    async def pause(self) -> None:
        """Mute the satellite."""
        await self._send(PauseSatellite().event())

    async def send(self, *events: Event) -> None:
        """Send events as they are."""
        await self._send(*events)

    async def _take(self, event: Event) -> None:
        if Pong.is_type(event.type):
            self._tasks.create_task(self._ping_later())
            return
        if Ping.is_type(event.type):
            self.pings += 1
            self._changed.set()
            await self._send(Pong(text=Ping.from_event(event).text).event())
            return
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (16_000, 2, 1)
            if self._pipeline is not None and not self._pipeline.done():
                self._audio.put_nowait(chunk.audio)
            return
        self.events.append(event)
        if RunPipeline.is_type(event.type):
            self._run(RunPipeline.from_event(event))
        elif AudioStop.is_type(event.type):
            self._audio.put_nowait(None)
        elif Played.is_type(event.type):
            self.played += 1
        elif Info.is_type(event.type):
            self.info = Info.from_event(event)
        self._changed.set()

    def _run(self, run: RunPipeline) -> None:
        if self._pipeline is not None:
            self._pipeline.cancel()
        self.runs.append(run)
        self._audio = asyncio.Queue()
        self._pipeline = self._tasks.create_task(self._pipe(run, self._audio))

    async def _pipe(self, run: RunPipeline, audio: asyncio.Queue[bytes | None]) -> None:
        """One run of an Assist pipeline, with the events that it makes Home Assistant send."""
        if run.start_stage == PipelineStage.WAKE:
            await self._send(Detect().event())
            heard = await self._hear(audio)
            if heard is None:
                return
            await self._send(Detection(name="okay_nabu", timestamp=0).event())
        await self._send(Transcribe(language="en").event())
        heard = await self._hear(audio)
        await self._send(VoiceStarted(timestamp=0).event(), VoiceStopped(timestamp=500).event())
        words, answer = self._answer(heard or b"")
        if not words:
            await self._send(Error(text="No text recognized", code="stt-no-text-recognized").event())
            return
        await self._send(Transcript(text=words).event())
        if not answer:
            return
        await self._send(Synthesize(text=answer, voice=SynthesizeVoice(name="v", language="en")).event())
        speaking = self._tasks.create_task(self._speak(self._speaks_s))  # it goes on, whatever becomes of the run
        speaking.add_done_callback(self._has_answered)
        if run.restart_on_end:
            self._tasks.create_task(self._again(run))

    async def _again(self, run: RunPipeline) -> None:
        self._run(run)

    def _has_answered(self, speaking: asyncio.Task[None]) -> None:
        if not speaking.cancelled() and speaking.exception() is None:
            self.answered += 1
            self._changed.set()

    async def _hear(self, audio: asyncio.Queue[bytes | None]) -> bytes | None:
        heard = b""
        while len(heard) < self._hears_bytes:
            chunk = await audio.get()
            if chunk is None:
                return heard or None
            heard += chunk
        return heard

    async def _speak(self, seconds: float) -> None:
        """Send speech in chunks, as fast as it is taken."""
        sound = {"rate": TTS_RATE, "width": 2, "channels": 1}
        pcm = tone(seconds, rate=TTS_RATE)
        await self._send(AudioStart(**sound, timestamp=0).event())
        for place in range(0, len(pcm), CHUNK_BYTES):
            chunk = AudioChunk(**sound, audio=pcm[place : place + CHUNK_BYTES], timestamp=place * 1000 // 44_100)
            await self._send(chunk.event())
        await self._send(AudioStop(timestamp=round(seconds * 1000)).event())

    async def _ping_later(self) -> None:
        await asyncio.sleep(2)
        await self._send(Ping().event())

    async def _send(self, *events: Event) -> None:
        with suppress(ConnectionError):
            for event in events:
                await self._client.write_event(event)


def what_time(heard: bytes) -> tuple[str, str]:
    """Understand everything as one question."""
    return ("what time is it", "It is noon.") if heard else ("", "")


@asynccontextmanager
async def home_assistant(
    uri: str, answer: Answer = what_time, *, hears_s: float = 0.3, speaks_s: float = 0.3
) -> AsyncIterator[HomeAssistant]:
    """Connect to a satellite for the length of a block, as Home Assistant does, and hang up."""
    host, _, port = uri.removeprefix("tcp://").rpartition(":")
    async with AsyncTcpClient(host, int(port)) as client:
        assistant = HomeAssistant(client, answer, hears_s=hears_s, speaks_s=speaks_s)
        serving = asyncio.create_task(assistant.loop())
        try:
            yield assistant
        finally:
            serving.cancel()
            await asyncio.wait([serving])
