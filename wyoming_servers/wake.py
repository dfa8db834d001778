"""The wake server: notices when the house is called.

A client sends `detect` with the names of the words that it wants, or with none for any of them, then `audio-start`,
`audio-chunk`s and `audio-stop`. Each time one of them is said it is told `detection` with the word's name, as the
client wrote it, and the timestamp of the chunk in which it was known, or, where chunks have none, the milliseconds
since audio-start. `audio-stop` is answered by `not-detected` where none was said.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from wyoming.event import Event
from wyoming.info import Attribution, SelectProgram, WakeModel, WakeProgram
from wyoming.wake import Detect, Detection, NotDetected

from models.engine import WakeWord, WakeWordHeard
from models.microwakeword import REFRACTORY_S, find_word
from wyoming_servers.engines import Running, Setting, add_engine_options, open_engines, program_name, selected
from wyoming_servers.listening import ListeningSession
from wyoming_servers.program import OURS, Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.wire import BadValue, Fields, Info
from wyoming_servers.wire.audio import RATE, WIDTH, chunk_format
from wyoming_servers.wire.options import version, whole
from wyoming_servers.workers import Stream

LISTENERS = 64
"""Streams that are heard at once: with four words, one takes about 1 % of a core."""

_MOST_LISTENERS = 1024

_QUEUE = 16

_CONNECTIONS = 96
"""Unless an option says otherwise: all listeners, and others that only ask."""

_MOST_NAMES = 64
"""Of words in one `detect`."""


class WakeSession(ListeningSession):
    """Hears one stream of audio after the other. Places are samples since audio-start."""

    def __init__(self, client: Client, engine: Running, figures: dict[str, Any]) -> None:
        super().__init__(client)
        self._engine = engine
        self._figures = figures
        self._words: list[WakeWord] = engine.described["words"]
        self._wanted: dict[str, str] = {}
        """By each word's name, what the client calls it; empty for any word."""
        self._place = AsyncExitStack()
        self._stream: Stream | None = None
        self._opened_at = 0
        self._heard = 0
        self._came = 0.0
        self._times: deque[tuple[float, int]] = deque()
        """Where chunks begin, and their timestamps; of those whose sound was not heard yet, and one before them."""
        self._detected = False

    async def handle_other(self, event: Event) -> None:
        """Take which words are wanted, from the next sound on; raise `BadValue` for one that there is not."""
        if Detect.is_type(event.type):
            names = Fields(event.type, event.data).texts("names")
            if len(names) > _MOST_NAMES:
                raise BadValue(f"'names' of 'detect' takes at most {_MOST_NAMES} wake words, not {len(names)}")
            self._wanted = {find_word(self._words, name).name: name for name in names}
            await self.end()
        elif SelectProgram.is_type(event.type):
            selected("wake", [self._engine], Fields(event.type, event.data).text("name"))

    async def begin(self) -> None:
        """Count anew."""
        await self.end()
        self._heard, self._came, self._detected = 0, 0.0, False
        self._times.clear()

    def came(self, chunk: Event) -> None:
        """Keep its timestamp."""
        rate, width, channels = chunk_format(chunk)
        if (timestamp := Fields(chunk.type, chunk.data).optional_whole("timestamp")) is not None and chunk.payload:
            self._times.append((self._came, timestamp))
        self._came += len(chunk.payload or b"") // (width * channels) * RATE / rate

    async def hear(self, pcm: bytes) -> bool:
        """Listen, and tell what was said."""
        if self._stream is None:
            self._opened_at = self._heard
            self._stream = await self._place.enter_async_context(
                self._engine.processes.stream(names=list(self._wanted), **self._figures)
            )
        found: list[WakeWordHeard] = await self._stream.call("feed", pcm)
        self._heard += len(pcm) // WIDTH
        for one in found:
            self._detected = True
            self.end_request()
            timestamp = self._timestamp(self._opened_at + one.samples)
            await self.client.send(Detection(name=self._wanted.get(one.name, one.name), timestamp=timestamp))
        self._timestamp(self._heard)
        return True

    async def finish(self) -> None:
        """Tell where nothing was said."""
        await self.end()
        if not self._detected:
            await self.client.send(NotDetected())

    async def reset(self) -> None:
        """Forget the stream."""
        await super().reset()
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._stream = None
        await self._place.aclose()

    def _timestamp(self, place: int) -> int:
        """Return the timestamp of the chunk that holds the sample before `place`, and drop older ones."""
        while len(self._times) > 1 and self._times[1][0] < place:
            self._times.popleft()
        return self._times[0][1] if self._times else place * 1000 // RATE


def add_options(parser: ArgumentParser) -> None:
    """Add the engine, words of one's own, and when a word counts. The names are wyoming-openwakeword's."""
    add_engine_options(
        parser,
        "wake",
        model_help="wake word of your own, besides the built-in ones: a microWakeWord model's .json file with its"
        " .tflite file beside it, or a folder of them; may be repeated",
    )
    parser.add_argument(
        "--custom-model-dir", dest="model", action="append", default=[], metavar="DIR", help="the same as --model DIR"
    )
    parser.set_defaults(limit_connections=_CONNECTIONS)
    parser.add_argument(
        "--listeners",
        type=whole(1, _MOST_LISTENERS),
        default=LISTENERS,
        help="streams heard at once; more wait for a place (%(default)s)",
    )
    parser.add_argument(
        "--threshold", type=float, help="how sure it must be, between 0 and 1 (what each word's model says)"
    )
    parser.add_argument(
        "--refractory-seconds",
        type=float,
        default=REFRACTORY_S,
        help="time after a word in which it is not heard again (%(default)s)",
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Start the engine; what is yielded serves until the block ends. Raises `EngineError`."""
    figures = {"threshold": args.threshold, "refractory_s": args.refractory_seconds}
    setting = Setting({"models": args.model}, streams=args.listeners, queue=_QUEUE)
    engine_args = Namespace(**{**vars(args), "model": []})  # the words are the engine's, not one engine each
    async with open_engines(engine_args, "wake", lambda _: setting) as (engine,):
        async with engine.processes.stream(**figures):
            pass  # says what is wrong with them
        yield _info(engine), lambda client: WakeSession(client, engine, figures)


def _info(engine: Running) -> Info:
    words: list[WakeWord] = engine.described["words"]
    program = WakeProgram(
        name=program_name("wake", [engine], engine),
        attribution=OURS,
        installed=True,
        description="Notices when the house is called",
        version=version(),
        models=[
            WakeModel(
                name=word.name,
                attribution=Attribution(name=word.author, url=word.website),
                installed=True,
                description=word.phrase,
                version=word.version,
                languages=word.languages,
                phrase=word.phrase,
            )
            for word in words
        ],
    )
    return Info(wake=[program])


JOB = Job(
    name="wake",
    port=10400,
    description="Notices when the house is called by a wake word: a Wyoming server of the job `wake`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
