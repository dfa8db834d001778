"""The tts server: says a text aloud.

Plain: `synthesize` is answered by audio-start, chunks and audio-stop. Streaming: after `synthesize-start` the text
comes in `synthesize-chunk`s and is said clause by clause as it comes; the whole `synthesize` that some clients send as
well is ignored; `synthesize-stop` is answered by audio-stop, then `synthesize-stopped`. Both ways the answer is one
audio-start, at once, and one audio-stop, however little there is to say; an `error` ends it without one.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Attribution, TtsProgram, TtsVoice
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from models.clauses import Clauses
from models.engine import BadInput, Speech, Voice
from models.silence import Trim

from .program import OURS, Job, main
from .service import Client, Session
from .wire import BadValue, Fields, Info
from .wire.options import version
from .workers import Processes, Stream

MOST_CHARACTERS = 20_000
"""Of one request: about twenty minutes of speech."""

SPEAKERS = 16
"""Requests that are spoken at once, in turns of a clause."""

_QUEUE = 16

_ESPEAK = Attribution(name="espeak-ng", url="https://github.com/espeak-ng/espeak-ng")


class _Speech:
    """One answer, from its audio-start to its audio-stop."""

    def __init__(self, client: Client, stream: Stream, *, rate: int, language: str, samples: int) -> None:
        self._client = client
        self._stream = stream
        self._rate = rate
        self._chunk_bytes = 2 * samples
        self._clauses = Clauses(language)
        self._trim = Trim(rate)
        self._characters = 0

    async def begin(self) -> None:
        await self._client.send(AudioStart(rate=self._rate, width=2, channels=1))

    async def say(self, text: str) -> None:
        """Say the clauses that `text` completes."""
        self._characters += len(text)
        if self._characters > MOST_CHARACTERS:
            raise BadValue(f"the text has {self._characters} characters; at most {MOST_CHARACTERS} are said at a time")
        await self._say(self._clauses.add(text))

    async def finish(self) -> None:
        """Say the rest."""
        await self._say(self._clauses.flush())
        await self._send(self._trim.finish())
        await self._client.send(AudioStop())

    async def _say(self, clauses: list[str]) -> None:
        for clause in clauses:
            speech: Speech = await self._stream.call("speak", clause)
            await self._send(self._trim.feed(speech.pcm))

    async def _send(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), self._chunk_bytes):
            audio = pcm[start : start + self._chunk_bytes]
            await self._client.send(AudioChunk(rate=self._rate, width=2, channels=1, audio=audio))


class TtsSession(Session):
    """Says one text after the other."""

    def __init__(self, client: Client, engine: Processes, described: dict[str, Any], samples: int) -> None:
        super().__init__(client)
        self._engine = engine
        self._described = described
        self._samples = samples
        self._streamed: _Speech | None = None
        self._place = AsyncExitStack()
        self._dropping = False

    async def handle(self, event: Event) -> None:
        """Take what a client may send."""
        if Synthesize.is_type(event.type):
            if self._dropping:
                raise BadValue("the stream that this 'synthesize' belongs to has failed; send 'synthesize-stop' first")
            if self._streamed is None:
                speech = await self._begin(event)
                await speech.say(Fields(event.type, event.data).text("text"))
                await speech.finish()
                await self.end()
        elif SynthesizeStart.is_type(event.type):
            self._dropping = True  # until it is begun: should it fail, the rest of it is dropped
            self._streamed = await self._begin(event)
            self._dropping = False
        elif SynthesizeChunk.is_type(event.type):
            if self._streamed is not None:
                await self._streamed.say(Fields(event.type, event.data).text("text"))
            elif not self._dropping:
                raise BadValue("'synthesize-chunk' came before 'synthesize-start'; send that first")
        elif SynthesizeStop.is_type(event.type):
            await self._stop()

    async def reset(self) -> None:
        """Forget the request; what is still sent of a streamed one is dropped, for its sender has been told."""
        self._dropping = self._dropping or self._streamed is not None
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._streamed = None
        await self._place.aclose()

    async def _begin(self, event: Event) -> _Speech:
        """Begin to answer `event`; raise `BadValue` where it asks for what there is not."""
        await self.end()
        fields = Fields(event.type, event.data)
        if fields.optional_text("text_format") not in (None, "text"):
            raise BadValue(f"'text_format' of '{event.type}' takes text, not {event.data['text_format']!r:.60}")
        wanted = Fields("voice", fields.optional_object("voice") or {})
        if (speaker := wanted.optional_text("speaker")) is not None:
            raise BadValue(f"there is no speaker {speaker!r:.60}: the voices here have one each")
        name, language = wanted.optional_text("name"), wanted.optional_text("language")
        try:
            stream = await self._place.enter_async_context(self._engine.stream(voice=name, language=language))
        except BadInput as error:
            raise BadValue(f"'voice' of '{event.type}': {error}") from error
        speech = _Speech(
            self.client,
            stream,
            rate=self._described["rate"],
            language=self._spoken(name, language),
            samples=self._samples,
        )
        await speech.begin()
        return speech

    async def _stop(self) -> None:
        if self._streamed is not None:
            await self._streamed.finish()
            await self.end()
            await self.client.send(SynthesizeStopped())
        elif not self._dropping:
            raise BadValue("'synthesize-stop' came before 'synthesize-start'; send that first")
        self._dropping = False

    def _spoken(self, name: str | None, language: str | None) -> str:
        """The language of the voice that was asked for."""
        if name is None and language is not None:
            return language
        voices: list[Voice] = self._described["voices"]
        name = (name or str(self._described["default_voice"])).lower()
        return next(voice.languages[0] for voice in voices if voice.name.lower() == name)


def add_options(parser: ArgumentParser) -> None:
    """Add how the house sounds."""
    parser.add_argument("--voice", help="voice for who asks for none (en-US); `hearth say --list-voices` lists them")
    parser.add_argument("--language", help="language for who asks for none, where no --voice is given (en)")
    parser.add_argument("--speed", type=float, default=1.0, help="0.5, half as fast, to 2.0 (%(default)s)")
    parser.add_argument(
        "--samples-per-chunk", type=_positive, default=4096, help="audio in one audio-chunk (%(default)s)"
    )


def _positive(text: str) -> int:
    if not 1 <= (value := int(text)) <= 100_000:
        raise ValueError
    return value


_positive.__name__ = "whole number from 1 to 100000"  # argparse names the type in its message


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Start the engine; what is yielded serves until the block ends. Raises `EngineError`."""
    # A process of its own, for some texts crash the library; the only one, so that calls come one at a time.
    chosen = {"voice": args.voice, "language": args.language, "speed": args.speed}
    engine = Processes("models.espeak:open_espeak", chosen, count=1, streams=SPEAKERS, queue=_QUEUE)
    try:
        described = await engine.start()
        yield _info(described), lambda client: TtsSession(client, engine, described, args.samples_per_chunk)
    finally:
        await engine.close()


def _info(engine: dict[str, Any]) -> Info:
    voices: list[Voice] = sorted(engine["voices"], key=lambda voice: voice.name != engine["default_voice"])
    program = TtsProgram(
        name="hearth-tts",
        attribution=OURS,
        installed=True,
        description="Says it with espeak-ng",
        version=version(),
        voices=[
            TtsVoice(
                name=voice.name,
                attribution=_ESPEAK,
                installed=True,
                description=voice.description,
                version=engine["version"],
                languages=voice.languages,
            )
            for voice in voices
        ],
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])


JOB = Job(
    name="tts",
    port=10200,
    description="Says a text aloud: a Wyoming server of the job `tts`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
