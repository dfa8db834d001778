"""The vad server: tells when somebody speaks.

A client sends `detect-voice` if it wants other figures than the server's, then `audio-start`, `audio-chunk`s and
`audio-stop`. It is told `voice-started` and `voice-stopped` at their true edges, in milliseconds since audio-start,
and, if it asked for it, `voice-activity` for every window. When all that was heard is answered, `audio-stop` is sent
back with the milliseconds that were heard.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Attribution

from models import voice_activity
from models.silero import WINDOW_SAMPLES
from models.voice_activity import VoiceSegmenter

from .program import OURS, Job, main
from .service import Client, Session
from .wire import BadValue, Info, UnsupportedAudio, VadModel, VadProgram
from .wire.audio import RATE, WIDTH, AudioConverter, chunk_format
from .wire.options import version
from .wire.vad import DetectVoice, VoiceActivity, VoiceStarted, VoiceStopped
from .workers import Processes, Stream

LISTENERS = 32
"""Streams that are heard at once, each 3 MB in the one worker process; it could follow ten times as many."""

_QUEUE = 16

_SILERO = Attribution(name="Silero Team", url="https://github.com/snakers4/silero-vad")


@dataclass
class _Listener:
    """One stream of audio, from audio-start to audio-stop."""

    stream: Stream
    converter: AudioConverter
    segmenter: VoiceSegmenter
    activity: bool
    bytes_heard: int = 0
    windows: int = 0


class VadSession(Session):
    """Hears one stream of audio after the other."""

    def __init__(self, client: Client, engine: Processes, defaults: DetectVoice) -> None:
        super().__init__(client)
        self._engine = engine
        self._defaults = defaults
        self._wanted = DetectVoice()
        self._listener: _Listener | None = None
        self._place = AsyncExitStack()
        self._dropping = False

    async def handle(self, event: Event) -> None:
        """Take what a client may send."""
        if AudioChunk.is_type(event.type):
            await self._hear([event, *self.client.take(event.type)])
        elif AudioStart.is_type(event.type):
            await self._start(event)
        elif AudioStop.is_type(event.type):
            await self._stop()
        elif DetectVoice.is_type(event.type):
            self._wanted = DetectVoice.from_event(event)

    async def reset(self) -> None:
        """Forget the stream; what is still sent of it is dropped in silence, for its sender has been told."""
        await self.end()
        self._dropping = True

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._listener = None
        await self._place.aclose()

    async def _start(self, event: Event) -> None:
        await self.end()
        converter = AudioConverter(*chunk_format(event))
        segmenter = VoiceSegmenter(
            threshold=_first(self._wanted.threshold, self._defaults.threshold),
            min_speech_ms=_first(self._wanted.min_speech_ms, self._defaults.min_speech_ms),
            min_silence_ms=_first(self._wanted.min_silence_ms, self._defaults.min_silence_ms),
            window_samples=WINDOW_SAMPLES,
        )
        stream = await self._place.enter_async_context(self._engine.stream())
        self._listener = _Listener(stream, converter, segmenter, self._wanted.activity)
        self._dropping = False

    async def _hear(self, events: list[Event]) -> None:
        listener = self._listener
        if listener is None:
            if self._dropping:
                return
            raise BadValue("'audio-chunk' came before 'audio-start'; send that first")
        pcm = b""
        for event in events:
            said, says = listener.converter.format, chunk_format(event)
            if says != said:
                raise UnsupportedAudio(f"'audio-start' said {said} (rate, width, channels), 'audio-chunk' says {says}")
            pcm += listener.converter.convert(event.payload or b"")
        await self._judge(listener, pcm)

    async def _judge(self, listener: _Listener, pcm: bytes) -> None:
        listener.bytes_heard += len(pcm)
        probabilities = await listener.stream.call("feed", pcm) if pcm else []
        for probability in probabilities:
            if listener.activity:
                start = _ms(listener.windows * WINDOW_SAMPLES)
                await self.client.send(VoiceActivity(timestamp=start, probability=probability))
            listener.windows += 1
            await self._tell(listener.segmenter.feed([probability]))

    async def _stop(self) -> None:
        listener = self._listener
        if listener is None:
            if not self._dropping:
                raise BadValue("'audio-stop' came before 'audio-start'; send that first")
            self._dropping = False
            return
        await self._judge(listener, listener.converter.flush())
        await self._tell(listener.segmenter.finish())
        await self.end()
        await self.client.send(AudioStop(timestamp=_ms(listener.bytes_heard // WIDTH)))

    async def _tell(self, edges: list[voice_activity.VoiceStarted | voice_activity.VoiceStopped]) -> None:
        for edge in edges:
            told = VoiceStarted if isinstance(edge, voice_activity.VoiceStarted) else VoiceStopped
            await self.client.send(told(timestamp=edge.ms))


def _first(wanted: Any, default: Any) -> Any:
    return default if wanted is None else wanted


def _ms(samples: int) -> int:
    return samples * 1000 // RATE


def add_options(parser: ArgumentParser) -> None:
    """Add what decides where speech starts and stops, unless a client asks for other figures."""
    parser.add_argument(
        "--threshold",
        type=float,
        default=voice_activity.THRESHOLD,
        help="probability of speech from which a window counts (%(default)s)",
    )
    parser.add_argument(
        "--min-speech-ms",
        type=int,
        default=voice_activity.MIN_SPEECH_MS,
        help="speech that starts a voice (%(default)s)",
    )
    parser.add_argument(
        "--min-silence-ms",
        type=int,
        default=voice_activity.MIN_SILENCE_MS,
        help="silence that ends it (%(default)s)",
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Start the engine; what is yielded serves until the block ends. Raises `EngineError`."""
    defaults = DetectVoice(args.threshold, args.min_silence_ms, args.min_speech_ms)
    VoiceSegmenter(
        threshold=args.threshold, min_speech_ms=args.min_speech_ms, min_silence_ms=args.min_silence_ms
    )  # says what is wrong with them
    engine = Processes("models.silero:open_silero", count=1, streams=LISTENERS, queue=_QUEUE)
    try:
        described = await engine.start()
        yield _info(described), lambda client: VadSession(client, engine, defaults)
    finally:
        await engine.close()


def _info(engine: dict[str, Any]) -> Info:
    model = VadModel(
        name=engine["name"],
        attribution=_SILERO,
        installed=True,
        description="Silero VAD, 32 ms a window",
        version=engine["version"],
    )
    program = VadProgram(
        name="hearth-vad",
        attribution=OURS,
        installed=True,
        description="Tells when somebody speaks",
        version=version(),
        models=[model],
    )
    return Info(vad=[program])


JOB = Job(
    name="vad",
    port=10100,
    description="Tells when somebody speaks: a Wyoming server of the job `vad`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
