"""Home Assistant as a satellite knows it: what its Wyoming integration (2026.11) sends, and when, over a real socket.

It connects, sends `run-satellite` and `describe`, pings 2 s after each pong, hangs up after 5 s without an event, and
runs a pipeline when asked: a scripted one, which hears, transcribes, and answers with speech.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np
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

TTS_RATE = 22_050
CHUNK_BYTES = 2048

Answer = Callable[[bytes], tuple[str, str]]
"""From what was said (16 kHz 16-bit mono): its words, and the answer. No words: none were recognized."""

Speech = Callable[[str], bytes]
"""A text as sound, 16-bit mono of `TTS_RATE`."""


class HomeAssistant:
    """One connection to a satellite."""

    def __init__(
        self, client: AsyncTcpClient, answer: Answer, speech: Speech, *, wakes_s: float, hears_s: float
    ) -> None:
        """It hears `wakes_s` seconds before it knows the wake word, and `hears_s` before it knows what was said."""
        self.events: list[Event] = []
        """All that came but sound, pings and pongs."""
        self.runs: list[RunPipeline] = []
        self.info: Info | None = None
        self.played = 0
        self.pings = 0
        self.answered = 0
        """Answers that were sent whole."""
        self.hung_up = False
        self.thinks_s = 0.0
        self._client = client
        self._answer = answer
        self._speech = speech
        self._wakes_s = wakes_s
        self._hears_s = hears_s
        self.doing = "connecting"
        """The stage that it is in."""
        self._changed = asyncio.Event()
        self._audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._pipeline: asyncio.Task[None] | None = None
        self._is_running = False
        self._tasks = asyncio.TaskGroup()

    def begin(self) -> None:
        """Begin to serve the satellite."""
        self._serving = asyncio.create_task(self._serve())

    async def end(self) -> None:
        """End it."""
        self._serving.cancel()
        await asyncio.wait([self._serving])

    async def _serve(self) -> None:
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
        await self._speak(tone(seconds))
        await self.until(lambda me: me.played > before)

    async def pause(self) -> None:
        """Mute the satellite."""
        await self._send(PauseSatellite().event())

    def freeze(self) -> None:
        """Say and read nothing any more, with the connection open, as when the host is switched off."""
        self._serving.cancel()

    def reset(self) -> None:
        """Let the connection end in the middle of whatever goes on."""
        assert self._client._writer is not None
        self._client._writer.transport.abort()

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
            if self._is_running:
                self._audio.put_nowait(chunk.audio)
            return
        self.events.append(event)
        if RunPipeline.is_type(event.type):
            self._run(RunPipeline.from_event(event))
        elif AudioStop.is_type(event.type) and self._is_running:
            self._audio.put_nowait(None)
        elif Played.is_type(event.type):
            self.played += 1
        elif Info.is_type(event.type):
            self.info = Info.from_event(event)
        self._changed.set()

    def _run(self, run: RunPipeline) -> None:
        self.runs.append(run)
        self._audio = asyncio.Queue()
        self._is_running = True
        self._pipeline = self._tasks.create_task(self._run_after(self._pipeline, run, self._audio))

    async def _run_after(
        self, before: asyncio.Task[None] | None, run: RunPipeline, audio: asyncio.Queue[bytes | None]
    ) -> None:
        """Cancel the run before and begin; Home Assistant itself takes the end of that one for the end of this one."""
        if before is not None and not before.done():
            before.cancel()
            await asyncio.wait([before])
        try:
            await self._pipe(run, audio)
        finally:
            self._is_running = False

    async def _pipe(self, run: RunPipeline, audio: asyncio.Queue[bytes | None]) -> None:
        """One run of an Assist pipeline, with the events that it makes Home Assistant send."""
        if run.start_stage == PipelineStage.TTS:
            text = "tts_input is required for text-to-speech"
            await self._send(Error(text=text, code="validation-error").event())
            return
        if run.start_stage == PipelineStage.WAKE:
            self.doing = "wake"
            await self._send(Detect().event())
            heard = await self._hear(audio, self._wakes_s)
            if heard is None:
                return
            await self._send(Detection(name="okay_nabu", timestamp=0).event())
        self.doing = "asr"
        await self._send(Transcribe(language="en").event())
        heard = await self._hear(audio, self._hears_s)
        await self._send(VoiceStarted(timestamp=0).event(), VoiceStopped(timestamp=500).event())
        words, answer = self._answer(heard or b"")
        if not words:
            await self._send(Error(text="No text recognized", code="stt-no-text-recognized").event())
            return
        self.doing = "handle"
        await self._send(Transcript(text=words).event())
        if not answer:
            return
        await asyncio.sleep(self.thinks_s)
        self.doing = "tts"
        await self._send(Synthesize(text=answer, voice=SynthesizeVoice(name="v", language="en")).event())
        speaking = self._tasks.create_task(self._speak(self._speech(answer)))  # it goes on, whatever becomes of the run
        speaking.add_done_callback(self._has_answered)
        if run.restart_on_end:
            self._tasks.create_task(self._again(run))

    async def _again(self, run: RunPipeline) -> None:
        self._run(run)

    def _has_answered(self, speaking: asyncio.Task[None]) -> None:
        if not speaking.cancelled() and speaking.exception() is None:
            self.answered += 1
            self._changed.set()

    async def _hear(self, audio: asyncio.Queue[bytes | None], seconds: float) -> bytes | None:
        heard = b""
        while len(heard) < seconds * 32_000:
            chunk = await audio.get()
            if chunk is None:
                return heard or None
            heard += chunk
        return heard

    async def _speak(self, pcm: bytes) -> None:
        """Send speech in chunks, as fast as it is taken."""
        sound = {"rate": TTS_RATE, "width": 2, "channels": 1}
        await self._send(AudioStart(**sound, timestamp=0).event())
        for place in range(0, len(pcm), CHUNK_BYTES):
            chunk = AudioChunk(**sound, audio=pcm[place : place + CHUNK_BYTES], timestamp=place * 1000 // 44_100)
            await self._send(chunk.event())
        await self._send(AudioStop(timestamp=len(pcm) * 1000 // 44_100).event())

    async def _ping_later(self) -> None:
        await asyncio.sleep(2)
        await self._send(Ping().event())

    async def _send(self, *events: Event) -> None:
        with suppress(ConnectionError):
            for event in events:
                await self._client.write_event(event)


def tone(seconds: float, hertz: float = 440) -> bytes:
    """Return what stands for speech."""
    times = np.arange(round(seconds * TTS_RATE)) / TTS_RATE
    return (np.sin(2 * np.pi * hertz * times) * 8000).astype("<i2").tobytes()


def what_time(heard: bytes) -> tuple[str, str]:
    """Understand everything as one question."""
    return ("what time is it", "It is noon.") if heard else ("", "")


@asynccontextmanager
async def home_assistant(
    uri: str,
    answer: Answer = what_time,
    speech: Speech = lambda _: tone(0.3),
    *,
    wakes_s: float = 0.3,
    hears_s: float = 0.3,
) -> AsyncIterator[HomeAssistant]:
    """Connect to a satellite for the length of a block, as Home Assistant does, and hang up."""
    host, _, port = uri.removeprefix("tcp://").rpartition(":")
    client = AsyncTcpClient(host, int(port))
    await client.connect()
    assistant = HomeAssistant(client, answer, speech, wakes_s=wakes_s, hears_s=hears_s)
    assistant.begin()
    try:
        yield assistant
    finally:
        await assistant.end()
        with suppress(ConnectionError):  # the satellite may have gone before
            await client.disconnect()
