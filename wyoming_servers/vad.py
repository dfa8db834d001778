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
from typing import Any

from wyoming.audio import AudioStop
from wyoming.event import Event, Eventable
from wyoming.info import Attribution, SelectProgram

from models import voice_activity
from models.engines import Choice
from models.silero import WINDOW_SAMPLES
from models.voice_activity import VoiceSegmenter
from wyoming_servers.engines import Running, Setting, add_engine_options, open_engines, program_name, selected
from wyoming_servers.listening import ListeningSession
from wyoming_servers.program import OURS, Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.windows import Listener, Windows
from wyoming_servers.wire import Fields, Info, VadModel, VadProgram
from wyoming_servers.wire.audio import RATE, WIDTH
from wyoming_servers.wire.options import version, whole
from wyoming_servers.wire.vad import DetectVoice, VoiceActivity, VoiceStarted, VoiceStopped

LISTENERS = {"silero-onnx": 256, "silero": 32}
"""Streams that are heard at once by each engine: one is 1 KB in the worker process, or 3 MB."""

_MOST_LISTENERS = 4096

_QUEUE = 16

_CONNECTIONS = 320
"""Unless an option says otherwise: all listeners, and others that only ask."""

_WINDOW_BYTES = WINDOW_SAMPLES * WIDTH

_SILERO = Attribution(name="Silero Team", url="https://github.com/snakers4/silero-vad")


class VadSession(ListeningSession):
    """Hears one stream of audio after the other."""

    def __init__(self, client: Client, engine: Running, windows: Windows, defaults: DetectVoice) -> None:
        super().__init__(client)
        self._engine = engine
        self._together = windows
        self._defaults = defaults
        self._wanted = DetectVoice()
        self._place = AsyncExitStack()
        self._listener: Listener | None = None
        self._rest = b""
        self._segmenter = VoiceSegmenter()
        self._samples = 0
        self._windows = 0

    async def handle_other(self, event: Event) -> None:
        """Take how the next stream is to be judged; raise `BadValue` for a program that there is not."""
        if DetectVoice.is_type(event.type):
            self._wanted = DetectVoice.from_event(event)
        elif SelectProgram.is_type(event.type):
            selected("vad", [self._engine], Fields(event.type, event.data).text("name"))

    async def begin(self) -> None:
        """Take a place in the worker."""
        await self.end()
        self._segmenter = VoiceSegmenter(
            threshold=_first(self._wanted.threshold, self._defaults.threshold),
            min_speech_ms=_first(self._wanted.min_speech_ms, self._defaults.min_speech_ms),
            min_silence_ms=_first(self._wanted.min_silence_ms, self._defaults.min_silence_ms),
            window_samples=WINDOW_SAMPLES,
        )
        self._samples = self._windows = 0
        self._rest = b""
        self._listener = await Listener.at(await self._place.enter_async_context(self._engine.processes.stream()))

    async def hear(self, pcm: bytes) -> bool:
        """Judge window by window, and tell what is found."""
        assert self._listener is not None
        self._samples += len(pcm) // WIDTH
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % _WINDOW_BYTES
        self._rest = pcm[whole:]
        told: list[Eventable] = []
        for probability in await self._together.judge(self._listener, pcm[:whole]):
            if self._wanted.activity:
                told.append(VoiceActivity(timestamp=_ms(self._windows * WINDOW_SAMPLES), probability=probability))
            self._windows += 1
            told += map(_told, self._segmenter.feed([probability]))
        if told:
            await self.client.send(*told)
        return True

    def missing(self) -> int:
        """Return the bytes that complete a window."""
        return _WINDOW_BYTES - len(self._rest)

    async def finish(self) -> None:
        """End the voice that still speaks, and tell that all is answered."""
        told = [*map(_told, self._segmenter.finish()), AudioStop(timestamp=_ms(self._samples))]
        await self.end()
        await self.client.send(*told)

    async def reset(self) -> None:
        """Forget the stream."""
        await super().reset()
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._listener = None
        await self._place.aclose()


def _told(edge: voice_activity.VoiceStarted | voice_activity.VoiceStopped) -> Eventable:
    told = VoiceStarted if isinstance(edge, voice_activity.VoiceStarted) else VoiceStopped
    return told(timestamp=edge.ms)


def _first(wanted: Any, default: Any) -> Any:
    return default if wanted is None else wanted


def _ms(samples: int) -> int:
    return samples * 1000 // RATE


def add_options(parser: ArgumentParser) -> None:
    """Add the engine, and what decides where speech starts and stops unless a client asks for other figures."""
    add_engine_options(parser, "vad")
    parser.set_defaults(limit_connections=_CONNECTIONS)
    known = ", ".join(f"{count} with {name}" for name, count in LISTENERS.items())
    parser.add_argument(
        "--listeners", type=whole(1, _MOST_LISTENERS), help=f"streams heard at once; more wait for a place ({known})"
    )
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

    def setting(choice: Choice) -> Setting:
        return Setting(streams=args.listeners or LISTENERS[choice.engine.name], queue=_QUEUE)

    async with open_engines(args, "vad", setting) as (engine,):
        windows = Windows(_WINDOW_BYTES)
        async with windows.open():
            yield _info(engine), lambda client: VadSession(client, engine, windows, defaults)


def _info(engine: Running) -> Info:
    model = VadModel(
        name=engine.name,
        attribution=_SILERO,
        installed=True,
        description="Silero VAD, 32 ms a window",
        version=engine.described["version"],
    )
    program = VadProgram(
        name=program_name("vad", [engine], engine),
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
