"""The asr server: writes down what was said.

A client sends `transcribe` if it wants to name a language, a model, or words to expect, then `audio-start`, chunks and
`audio-stop`, and gets one `transcript`. The server knows when a speaker has finished, so the transcript mostly comes
before `audio-stop`; what is heard after it is read and dropped. With `--external-vad` the end is the client's to tell.
What is no speech makes an empty transcript, and so does, for the engine that knows only the sentences of the house,
speech that is none of them.

With `--partials`, what is certain already comes as `transcript-chunk`s between `transcript-start` and
`transcript-stop`. They only add to each other, so they end early where the final text turns out to be another:
`transcript`, which comes before `transcript-stop`, is what counts.
"""

from __future__ import annotations

import importlib.util
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, SelectProgram

from models.engine import EngineUnavailable, Hearing
from models.engines import Choice
from models.sentences import language_model
from models.sentences.audible import MOST_NAMES, audible
from models.sentences.house import House
from models.sentences.library import load_sentences
from models.sentences.minimizing import TooMuchToHear
from models.whisper.agreement import rest_of
from models.whisper.reader import BEAMS
from models.whisper.recognizer import CONTEXTS
from models.whisper.weights import DEVICES
from wyoming_servers.engines import Running, Setting, add_engine_options, named, open_engines, program_name, selected
from wyoming_servers.house import add_house_options, open_house
from wyoming_servers.listening import ListeningSession
from wyoming_servers.program import OURS, Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.wire import BadValue, Fields, Info
from wyoming_servers.wire.options import version, whole
from wyoming_servers.workers import Processes, Stream

_QUEUE = 8
"""Utterances that may wait for a place."""

_AT_ONCE = {"pocketsphinx": 2, "whisper": 8}
"""Utterances that are followed at once, by engine: a process each, or all in one with their silences."""

_LONGEST_S = 120.0
"""A large model may work so long on half a minute of speech, on a Raspberry Pi."""

_MADE_BY = {
    "pocketsphinx": Attribution(name="CMU Sphinx", url="https://github.com/cmusphinx/pocketsphinx"),
    "whisper": Attribution(name="OpenAI", url="https://github.com/openai/whisper"),
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a `transcribe` asked for."""

    model: Running
    language: str | None = None
    names: Sequence[str] = ()
    terms: Sequence[str] = ()


class AsrSession(ListeningSession):
    """Writes down one utterance after the other."""

    def __init__(self, client: Client, models: list[Running], *, find_end: bool) -> None:
        super().__init__(client)
        self._models = models
        self._find_end = find_end
        self._program = models[0]
        self._wanted = _Wanted(models[0])
        self._stream: Stream | None = None
        self._place = AsyncExitStack()
        self._certain: list[str] = []  # words that were sent as chunks

    async def handle_other(self, event: Event) -> None:
        """Take `transcribe` and `select-program`; raise `BadValue` for a model or language that there is not."""
        fields = Fields(event.type, event.data)
        if SelectProgram.is_type(event.type):
            self._program = selected("asr", self._models, fields.text("name"))
            self._wanted = _Wanted(self._program)
        elif Transcribe.is_type(event.type):
            name = fields.optional_text("name")
            model = self._program if name is None else named(self._models, name, "'transcribe'")
            language = fields.optional_text("language")
            _look_at(language, model.described["languages"])
            self._wanted = _Wanted(model, language, fields.texts("transcript_names"), fields.texts("transcript_terms"))

    async def begin(self) -> None:
        """Take a place in a worker."""
        await self.end()
        wanted = self._wanted
        self._stream = await self._place.enter_async_context(
            wanted.model.processes.stream(
                find_end=self._find_end, language=wanted.language, names=wanted.names, terms=wanted.terms
            )
        )

    async def hear(self, pcm: bytes) -> bool:
        """Pass the audio on; answer as soon as the speaker has finished."""
        if self._stream is None:
            return False
        hearing: Hearing = await self._stream.call("feed", pcm)
        if hearing.ended:
            await self._tell(self._stream, hearing.text)
        elif hearing.certain:
            await self._caption(hearing.certain)
        return not hearing.ended

    async def finish(self) -> None:
        """Answer, if that has not been done."""
        if self._stream is not None:
            await self._tell(self._stream, await self._stream.call("finish"))

    async def reset(self) -> None:
        """Forget the utterance."""
        await super().reset()
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._stream = None
        self._certain = []
        await self._place.aclose()

    async def _caption(self, certain: str) -> None:
        """Send the words of `certain` that were not sent yet."""
        more = rest_of(certain, self._certain)
        if not more:
            return
        if not self._certain:
            await self.client.send(TranscriptStart(language=self._wanted.language))
        await self.client.send(TranscriptChunk(f" {more}" if self._certain else more))
        self._certain += more.split()

    async def _tell(self, stream: Stream, text: str) -> None:
        language = self._wanted.language or await stream.call("language")
        captioned = bool(self._certain)
        if captioned and text:
            await self._caption(text)
        await self.end()
        await self.client.send(Transcript(text=text, language=language))
        self.end_request()
        if captioned:
            await self.client.send(TranscriptStop())


def _look_at(language: str | None, known: Sequence[str]) -> None:
    """Raise `BadValue` for a language that is not among the `known` ones; "auto" finds out which of several it is."""
    if language == "auto" and len(known) > 1:
        return
    if language is not None and language.replace("_", "-").partition("-")[0].lower() not in known:
        listed = ", ".join(known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "")
        raise BadValue(f"'language' of 'transcribe' is {language!r:.60}; this model knows {listed}")


def add_options(parser: ArgumentParser) -> None:
    """Add what is listened for, and how."""
    add_engine_options(parser, "asr")
    add_house_options(parser)
    parser.add_argument(
        "--external-vad", action="store_true", help="leave it to the client to tell when the speaker has finished"
    )
    known = ", ".join(f"{count} with {name}" for name, count in _AT_ONCE.items())
    parser.add_argument("--workers", type=whole(1, 64), help=f"utterances that are followed at once ({known})")
    whisper = parser.add_argument_group("whisper", "options of this engine")
    whisper.add_argument(
        "--language", help="language for who names none, or auto to find it out each time (the house's)"
    )
    whisper.add_argument("--device", choices=DEVICES, default="auto", help="what it runs on (%(default)s)")
    whisper.add_argument(
        "--compute-type", default="auto", help="of CTranslate2; auto is the fastest that the device has (%(default)s)"
    )
    whisper.add_argument(
        "--context",
        choices=CONTEXTS,
        default="auto",
        help="auto works out what was spoken, and all of its 30 s where that goes wrong; full always does"
        " (%(default)s)",
    )
    whisper.add_argument(
        "--beam-size",
        type=whole(1, 20),
        default=BEAMS,
        help="texts followed at once where it is not sure (%(default)s)",
    )
    whisper.add_argument(
        "--partials",
        action="store_true",
        help="send what is certain while it is spoken, for captions: five times the work",
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Prepare and start the engines; what is yielded serves until the block ends. Raises `EngineError`."""
    async with AsyncExitStack() as stack:
        known = await stack.enter_async_context(open_house(args))
        opening = open_engines(
            args, "asr", lambda choice: _setting(args, known.now, choice), language=args.language or known.now.language
        )
        models = await stack.enter_async_context(opening)

        async def learn(house: House) -> None:
            for one in models:
                is_sphinx = one.choice.engine.name == "pocketsphinx"
                await one.processes.renew(await _prepare_apart(args, house) if is_sphinx else {"house": house})

        await stack.enter_async_context(known.followed_by(learn))
        yield _info(models, args), lambda client: AsrSession(client, models, find_end=not args.external_vad)


def _setting(args: Namespace, house: House, choice: Choice) -> Setting:
    """Say how an engine is run. pocketsphinx follows one utterance in a process, Whisper many with one model."""
    at_once = args.workers or _AT_ONCE[choice.engine.name]
    if choice.engine.name == "pocketsphinx":
        return Setting(prepare_sphinx(house, args.custom_sentences, args.data_dir), count=at_once, queue=_QUEUE)
    arguments = {
        "name": choice.model,
        "language": args.language or "",
        "device": args.device,
        "compute_type": args.compute_type,
        "context": args.context,
        "beams": args.beam_size,
        "house": house,
        "custom_sentences": args.custom_sentences,
        "partials": args.partials,
    }
    return Setting(arguments, streams=at_once, queue=_QUEUE, call_s=_LONGEST_S)


def prepare_sphinx(house: House, custom_sentences: Sequence[Path], data_dir: Path) -> dict[str, Any]:
    """Make the language model of the sentences of `house`, if it is not there; return what pocketsphinx' engine takes.

    Names of things that are more than can be listened for are left out, with a warning. Raises `EngineError`.
    """
    spec = importlib.util.find_spec("pocketsphinx")  # found, not imported: only the workers need it
    if spec is None or spec.origin is None:
        raise EngineUnavailable("no pocketsphinx: pip install 'wyoming-hearth[asr]'")
    lexicon = Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"
    most = MOST_NAMES
    while True:
        try:
            sentences = load_sentences(audible(house, most), custom_sentences)
            return {"folder": str(language_model.make(sentences, data_dir, lexicon)), "language": house.language}
        except TooMuchToHear:
            if not house.names or most == 0:
                raise
            most //= 2


class Prepared:
    """What pocketsphinx' engine takes, as a worker process tells it."""

    folder: str
    language: str

    def __init__(self, folder: str, language: str) -> None:
        self.folder, self.language = folder, language


def open_prepared(**arguments: Any) -> Prepared:
    """Do what `prepare_sphinx` does, for a worker process to be told by name."""
    return Prepared(**prepare_sphinx(**arguments))


async def _prepare_apart(args: Namespace, house: House) -> dict[str, Any]:
    """Return what `prepare_sphinx` does, done in a process of its own: seconds of work under the interpreter's lock."""
    arguments = {"house": house, "custom_sentences": args.custom_sentences, "data_dir": args.data_dir}
    process = Processes("wyoming_servers.asr:open_prepared", arguments, count=1, name="language model")
    try:
        return await process.start()
    finally:
        await process.close()


def _info(models: list[Running], args: Namespace) -> Info:
    return Info(asr=[_program(models, one, args) for one in models])


def _program(models: list[Running], one: Running, args: Namespace) -> AsrProgram:
    engine = one.choice.engine.name
    attribution = _MADE_BY[engine]
    sentences = engine == "pocketsphinx"
    model = AsrModel(
        name=one.name,
        attribution=attribution,
        installed=True,
        description="The sentences of the house" if sentences else f"Whisper, {one.name}",
        version=one.described["version"],
        languages=one.described["languages"],
    )
    return AsrProgram(
        name=program_name("asr", models, one),
        attribution=OURS,
        installed=True,
        description="Writes down what was said to the house" if sentences else "Writes down what was said",
        version=version(),
        models=[model],
        supports_transcript_streaming=args.partials and not sentences,
        requires_external_vad=args.external_vad,
    )


JOB = Job(
    name="asr",
    port=10300,
    description="Writes down what was said: a Wyoming server of the job `asr`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
