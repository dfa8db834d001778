"""What one would write without this project: a wyoming AsyncServer that does its work in `handle_event`.

`python -P -m bench.plain JOB --uri … --data-dir …`, with the same engines as ours, to compare with.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable
from wyoming.handle import Handled
from wyoming.info import Describe, Info
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import Synthesize, SynthesizeStop, SynthesizeStopped

from wyoming_servers.wire.image import Classification, Image
from wyoming_servers.wire.parent import follow_parent

Work = Callable[[Event], AsyncIterator[Eventable]]


class PlainHandler(AsyncEventHandler):
    """Answers one event after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, work: Work) -> None:
        super().__init__(reader, writer)
        self._work = work

    async def handle_event(self, event: Event) -> bool:
        """Answer one event."""
        if Describe.is_type(event.type):
            await self.write_event(Info().event())
        else:
            async for answer in self._work(event):
                await self.write_event(answer.event())
        return True


def vad(_: Path) -> Callable[[], Work]:
    """Silero, chunk by chunk."""
    from models.silero import open_silero

    engine = open_silero()

    def connection() -> Work:
        stream = engine.open()

        async def work(event: Event) -> AsyncIterator[Eventable]:
            if AudioChunk.is_type(event.type):
                stream.feed(event.payload or b"")
            elif AudioStop.is_type(event.type):
                yield AudioStop()

        return work

    return connection


def asr(data: Path) -> Callable[[], Work]:
    """Pocketsphinx, chunk by chunk."""
    from models.sentences.house import load_house
    from models.sphinx import open_recognizer
    from wyoming_servers.asr import prepare_sphinx

    engine = open_recognizer(**prepare_sphinx(load_house(), [], data))

    def connection() -> Work:
        stream = engine.open(find_end=False)

        async def work(event: Event) -> AsyncIterator[Eventable]:
            nonlocal stream
            if AudioStart.is_type(event.type):
                stream = engine.open(find_end=False)
            elif AudioChunk.is_type(event.type):
                stream.feed(event.payload or b"")
            elif AudioStop.is_type(event.type):
                yield Transcript(text=stream.finish())

        return work

    return connection


def handle(_: Path) -> Callable[[], Work]:
    """The sentences, through hassil."""
    from models.intents import open_responder

    engine = open_responder()

    async def work(event: Event) -> AsyncIterator[Eventable]:
        if Transcript.is_type(event.type):
            yield Handled(text=str(engine.open(text=event.data["text"]).more()))

    return lambda: work


def tts(_: Path) -> Callable[[], Work]:
    """Espeak-ng, the whole text at once."""
    from models.espeak import EspeakSynthesizer

    engine = EspeakSynthesizer()

    async def work(event: Event) -> AsyncIterator[Eventable]:
        if Synthesize.is_type(event.type):
            yield AudioStart(engine.rate, 2, 1)
            yield AudioChunk(engine.rate, 2, 1, engine.open().speak(event.data["text"]).pcm)
            yield AudioStop()
        elif SynthesizeStop.is_type(event.type):
            yield SynthesizeStopped()

    return lambda: work


def image(_: Path) -> Callable[[], Work]:
    """OpenCV's people detector."""
    import cv2
    import numpy as np

    from models.people import PeopleDetector

    engine = PeopleDetector()

    async def work(event: Event) -> AsyncIterator[Eventable]:
        if Image.is_type(event.type):
            picture = cv2.imdecode(np.frombuffer(event.payload or b"", np.uint8), cv2.IMREAD_COLOR)
            engine.classify([np.asarray(picture, np.uint8)])
            yield Classification(event.data["id"], engine.name, "ok")

    return lambda: work


def main() -> None:
    """Serve until SIGTERM."""
    follow_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--uri")
    parser.add_argument("--data-dir", type=Path)
    args = parser.parse_args()
    connection: Callable[[], Work] = globals()[args.job](args.data_dir)
    with socket.create_server(("127.0.0.1", 0)) as free:
        uri = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    server = AsyncServer.from_uri(uri)
    sys.stdout.write(f"{args.job} is ready at {uri}\n")
    sys.stdout.flush()
    asyncio.run(server.run(lambda reader, writer: PlainHandler(reader, writer, connection())))


if __name__ == "__main__":
    main()
