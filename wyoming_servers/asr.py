"""The asr server: writes down what was said.

A client sends `transcribe` if it wants to name a language, then `audio-start`, chunks and `audio-stop`, and gets one
`transcript`. The server knows when a sentence is finished, so the transcript mostly comes before `audio-stop`; what is
heard after it is read and dropped. With `--external-vad` the end is the client's to tell. Speech that is none of the
house's sentences, and anything that is no speech, makes an empty transcript.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution

from models.engine import EngineUnavailable, Hearing
from models.sentences import language_model
from models.sentences.house import load_house
from models.sentences.library import load_sentences

from .house import add_house_options
from .listening import ListeningSession
from .program import OURS, Job, main
from .service import Client, Session
from .wire import BadValue, Fields, Info
from .wire.options import version
from .workers import Processes, Stream

_QUEUE = 8
"""Utterances that may wait for a worker; each worker follows one at a time."""

_CMU = Attribution(name="CMU Sphinx", url="https://github.com/cmusphinx/pocketsphinx")


class AsrSession(ListeningSession):
    """Writes down one utterance after the other."""

    def __init__(self, client: Client, engine: Processes, described: dict[str, Any], *, find_end: bool) -> None:
        super().__init__(client)
        self._engine = engine
        self._languages: list[str] = described["languages"]
        self._find_end = find_end
        self._stream: Stream | None = None
        self._place = AsyncExitStack()

    async def handle_other(self, event: Event) -> None:
        """Take `transcribe`; raise `BadValue` for a language or model that there is not."""
        if not Transcribe.is_type(event.type):
            return
        language = Fields(event.type, event.data).optional_text("language")
        if language is not None and language.replace("_", "-").partition("-")[0].lower() not in self._languages:
            raise BadValue(f"'language' of 'transcribe' is {language!r:.60}; this server knows {self._languages}")

    async def begin(self) -> None:
        """Take a place in a worker."""
        await self.end()
        self._stream = await self._place.enter_async_context(self._engine.stream(find_end=self._find_end))

    async def hear(self, pcm: bytes) -> bool:
        """Pass the audio on; answer as soon as the speaker has finished."""
        if self._stream is None:
            return False
        hearing: Hearing = await self._stream.call("feed", pcm)
        if hearing.ended:
            await self._tell(hearing.text)
        return not hearing.ended

    async def finish(self) -> None:
        """Answer, if that has not been done."""
        if self._stream is not None:
            await self._tell(await self._stream.call("finish"))

    async def reset(self) -> None:
        """Forget the utterance."""
        await super().reset()
        await self.end()

    async def end(self) -> None:
        """Give the place in the worker back."""
        self._stream = None
        await self._place.aclose()

    async def _tell(self, text: str) -> None:
        await self.end()
        await self.client.send(Transcript(text=text, language=self._languages[0]))


def add_options(parser: ArgumentParser) -> None:
    """Add what is listened for, and how."""
    add_house_options(parser)
    parser.add_argument(
        "--external-vad", action="store_true", help="leave it to the client to tell when the speaker has finished"
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        default=2,
        help="utterances that are followed at once, a process each (%(default)s)",
    )


def _positive(text: str) -> int:
    if not 1 <= (value := int(text)) <= 64:
        raise ValueError
    return value


_positive.__name__ = "whole number from 1 to 64"  # argparse names the type in its message


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Make the language model and start the workers; what is yielded serves until the block ends.

    Raises `EngineError`.
    """
    arguments = await asyncio.to_thread(_prepare, args)
    engine = Processes("models.sphinx:open_recognizer", arguments, count=args.workers, queue=_QUEUE)
    try:
        described = await engine.start()
        info = _info(described, find_end=not args.external_vad)
        yield info, lambda client: AsrSession(client, engine, described, find_end=not args.external_vad)
    finally:
        await engine.close()


def _prepare(args: Namespace) -> dict[str, str]:
    spec = importlib.util.find_spec("pocketsphinx")  # found, not imported: only the workers need it
    if spec is None or spec.origin is None:
        raise EngineUnavailable("no pocketsphinx: pip install 'wyoming-hearth[asr]'")
    lexicon = Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"
    house = load_house(args.config)
    sentences = load_sentences(house, args.custom_sentences)
    return {"folder": str(language_model.make(sentences, args.data_dir, lexicon)), "language": house.language}


def _info(engine: dict[str, Any], *, find_end: bool) -> Info:
    model = AsrModel(
        name=engine["name"],
        attribution=_CMU,
        installed=True,
        description="The sentences of the house",
        version=engine["version"],
        languages=engine["languages"],
    )
    program = AsrProgram(
        name="hearth-asr",
        attribution=OURS,
        installed=True,
        description="Writes down what was said to the house",
        version=version(),
        models=[model],
        requires_external_vad=not find_end,
    )
    return Info(asr=[program])


JOB = Job(
    name="asr",
    port=10300,
    description="Writes down what was said: a Wyoming server of the job `asr`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
