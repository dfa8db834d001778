"""The tts server: says a text aloud.

Plain: `synthesize` is answered by audio-start, chunks and audio-stop. Streaming: after `synthesize-start` the text
comes in `synthesize-chunk`s and is said clause by clause as it comes; the whole `synthesize` that some clients send as
well is ignored; `synthesize-stop` is answered by audio-stop, then `synthesize-stopped`. Both ways the answer is one
audio-start, at once, and one audio-stop, with a moment of silence where there is nothing to say; an `error` ends it
without one.
"""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wyoming.event import Event
from wyoming.info import Attribution, SelectProgram, TtsProgram, TtsVoice
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from models.engine import BadInput, Voice
from models.engines import Choice
from models.pieces import Pace
from wyoming_servers.engines import Running, Setting, add_engine_options, open_engines, program_name, selected
from wyoming_servers.program import OURS, Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.speaking import Speaking, Voiced
from wyoming_servers.wire import BadValue, Fields, Info
from wyoming_servers.wire.options import version, whole

_LOGGER = logging.getLogger(__name__)

SPEAKERS = 16
"""Requests that espeak-ng speaks at once, in turns of a piece."""

KOKORO_SPEAKERS = 3
"""The same of Kokoro: each waits for the others' pieces, of up to 8 s of work on a slow machine."""

_KOKORO_CALL_S = 60.0
"""Three such pieces, and as much again for a machine that has become slower."""

_QUEUE = 16

_MADE_BY = {
    "espeak-ng": Attribution(name="espeak-ng", url="https://github.com/espeak-ng/espeak-ng"),
    "kokoro": Attribution(name="hexgrad", url="https://huggingface.co/hexgrad/Kokoro-82M"),
}


@dataclass(frozen=True, slots=True)
class _Engine:
    """An engine with the pace that it was found to have."""

    running: Running
    pace: Pace

    def language(self, name: str | None, language: str | None) -> str:
        """Return the language of the voice that was asked for."""
        if name is None and language is not None:
            return language
        name = (name or str(self.running.described["default_voice"])).lower()
        return next(voice.languages[0] for voice in self.voices if voice.name.lower() == name)

    @property
    def voices(self) -> list[Voice]:
        """The voices, the default one first."""
        described = self.running.described
        return sorted(described["voices"], key=lambda voice: voice.name != described["default_voice"])


class TtsSession(Session):
    """Says one text after the other."""

    def __init__(self, client: Client, engines: Sequence[_Engine], samples: int) -> None:
        super().__init__(client)
        self._all = engines
        self._engines = engines
        """Those that the client has not chosen against."""
        self._samples = samples
        self._streamed: Speaking | None = None
        self._place = AsyncExitStack()
        self._dropping = False

    async def handle(self, event: Event) -> None:
        """Take what a client may send."""
        if Synthesize.is_type(event.type):
            if self._dropping:
                raise BadValue("the stream that this 'synthesize' belongs to has failed; send 'synthesize-stop' first")
            if self._streamed is None:
                speech = await self._begin(event, tuple)
                await speech.say(_text(event))
                await speech.finish()
                self.end_request()
                await self.end()
        elif SynthesizeStart.is_type(event.type):
            self._dropping = True  # until it is begun: should it fail, the rest of it is dropped
            self._streamed = await self._begin(event, self._more)
            self._dropping = False
        elif SynthesizeChunk.is_type(event.type):
            if self._streamed is not None:
                await self._streamed.say(_text(event))
            elif not self._dropping:
                raise BadValue("'synthesize-chunk' came before 'synthesize-start'; send that first")
        elif SynthesizeStop.is_type(event.type):
            await self._stop()
        elif SelectProgram.is_type(event.type):
            self._select(Fields(event.type, event.data).text("name"))

    async def reset(self) -> None:
        """Forget the request; what is still sent of a streamed one is dropped, for its sender has been told."""
        self._dropping = self._dropping or self._streamed is not None
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._streamed = None
        await self._place.aclose()

    def _select(self, program: str) -> None:
        """Use one program alone from now on."""
        chosen = selected("tts", [engine.running for engine in self._all], program)
        self._engines = [engine for engine in self._all if engine.running is chosen]

    async def _begin(self, event: Event, more: Callable[[], Iterable[str]]) -> Speaking:
        """Begin to answer `event`; raise `BadValue` where it asks for what there is not."""
        await self.end()
        self.begin_request(event.type)
        fields = Fields(event.type, event.data)
        if fields.optional_text("text_format") not in (None, "text"):
            raise BadValue(f"'text_format' of '{event.type}' takes text, not {event.data['text_format']!r:.60}")
        wanted = Fields("voice", fields.optional_object("voice") or {})
        if (speaker := wanted.optional_text("speaker")) is not None:
            raise BadValue(f"there is no speaker {speaker!r:.60}: the voices here have one each")
        try:
            voiced = await self._open(wanted.optional_text("name"), wanted.optional_text("language"))
        except BadInput as error:
            raise BadValue(f"'voice' of '{event.type}': {error}") from error
        speech = Speaking(self.client, voiced, samples=self._samples, more=more)
        await speech.begin()
        return speech

    async def _open(self, name: str | None, language: str | None) -> Voiced:
        """Open the voice in the first engine that has it; raise what the first engine says where none does."""
        refused: list[BadInput] = []
        for engine in self._engines:
            described = engine.running.described
            try:
                stream = await self._place.enter_async_context(
                    engine.running.processes.stream(voice=name, language=language)
                )
            except BadInput as error:
                refused.append(error)
                continue
            spoken = engine.language(name, language)
            return Voiced(stream, spoken, described["rate"], described["shortest"], engine.pace)
        raise refused[0]

    def _more(self) -> Iterator[str]:
        """Return the text of the chunks that have come meanwhile."""
        return map(_text, self.client.take("synthesize-chunk"))

    async def _stop(self) -> None:
        if self._streamed is not None:
            await self._streamed.finish()
            self.end_request()
            await self.end()
            await self.client.send(SynthesizeStopped())
        elif not self._dropping:
            raise BadValue("'synthesize-stop' came before 'synthesize-start'; send that first")
        self._dropping = False


def _text(event: Event) -> str:
    return Fields(event.type, event.data).text("text")


def add_options(parser: ArgumentParser) -> None:
    """Add how the house sounds."""
    add_engine_options(parser, "tts")
    parser.add_argument("--voice", help="voice for who asks for none; `hearth say --list-voices` lists them")
    parser.add_argument("--language", help="language for who asks for none, where no --voice is given (en)")
    parser.add_argument(
        "--voices", type=Path, metavar="PATH", help="file of Kokoro's voices (voices*.bin beside the model)"
    )
    parser.add_argument(
        "--phrases-mb",
        type=whole(0, 100_000),
        default=64,
        metavar="MB",
        help="phrases said twice are kept on disk, Kokoro's alone; 0 keeps none (%(default)s)",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="0.5, half as fast, to 2.0 (%(default)s)")
    parser.add_argument(
        "--samples-per-chunk", type=whole(1, 100_000), default=4096, help="audio in one audio-chunk (%(default)s)"
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Start the engines; what is yielded serves until the block ends. Raises `EngineError`."""
    language = args.language if args.voice is None else None  # a voice has its own
    async with open_engines(args, "tts", lambda choice: _setting(args, choice), language=language) as running:
        engines = [_Engine(one, Pace(one.described["factor"])) for one in running]
        yield _info(engines), lambda client: TtsSession(client, engines, args.samples_per_chunk)


def _setting(args: Namespace, choice: Choice) -> Setting:
    """Say how an engine is run: in one process, for espeak-ng takes one call at a time and Kokoro all cores."""
    arguments = {"voice": args.voice, "language": args.language, "speed": args.speed}
    if choice.engine.name == "kokoro":
        arguments["voices"] = str(args.voices) if args.voices else None
        arguments["phrases"] = str(args.data_dir / "phrases")
        arguments["phrases_bytes"] = args.phrases_mb * 1_000_000
        return Setting(arguments, streams=KOKORO_SPEAKERS, queue=_QUEUE, call_s=_KOKORO_CALL_S)
    return Setting(arguments, streams=SPEAKERS, queue=_QUEUE)


def _info(engines: Sequence[_Engine]) -> Info:
    running = [engine.running for engine in engines]
    return Info(tts=[_program(program_name("tts", running, engine.running), engine) for engine in engines])


def _program(name: str, engine: _Engine) -> TtsProgram:
    described = engine.running.described
    return TtsProgram(
        name=name,
        attribution=OURS,
        installed=True,
        description=f"Says it with {described['name']}",
        version=version(),
        voices=[
            TtsVoice(
                name=voice.name,
                attribution=_MADE_BY[described["name"]],
                installed=True,
                description=voice.description,
                version=described["version"],
                languages=voice.languages,
            )
            for voice in engine.voices
        ],
        supports_synthesize_streaming=True,
    )


JOB = Job(
    name="tts",
    port=10200,
    description="Says a text aloud: a Wyoming server of the job `tts`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
