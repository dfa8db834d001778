"""The image server: tells what a picture shows.

A client sends `classify` if it wants other figures than the server's, then `image`s. The first of either is answered
by `image-credit`: one image may be looked at while another one waits. A newer image takes the place of the one that
waits, so that the answer is always about the newest. Every image gets one `classification`.

Frames of several connections take turns, or are put together into batches where the engine gains from it, for which
they wait at most 5 ms. Each model has an engine in a process of its own, where pictures are decoded too.
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain, repeat

from wyoming.event import Event
from wyoming.info import Attribution, SelectProgram

from models.engine import BadInput, EngineError, Label
from models.engines import Choice
from models.people import MAX_SIDE
from wyoming_servers.engines import Running, Setting, add_engine_options, named, open_engines, program_name, selected
from wyoming_servers.eyes import Eyes
from wyoming_servers.measures import FRAMES
from wyoming_servers.program import OURS, Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.turns import Frame
from wyoming_servers.wire import Fields, ImageModel, ImageProgram, Info, RequestError
from wyoming_servers.wire.image import Classification, Classify, Image, ImageCredit, LabelScore
from wyoming_servers.wire.options import version, whole

CREDITS = 2
"""One image that is looked at, and one that waits. More would only be superseded."""

_LANES = 2
"""Of an engine that takes batches: one is looked at while the next one is decoded."""

_OPENCV = Attribution(name="OpenCV", url="https://opencv.org")
_ONNX = Attribution(name="ONNX Runtime", url="https://onnxruntime.ai")


class ImageSession(Session):
    """Looks at one client's images."""

    def __init__(self, client: Client, models: list[Eyes], min_score: float) -> None:
        super().__init__(client)
        self._models = models
        self._program = self._eyes = models[0]
        self._min_score = min_score
        self._wanted = Classify()
        self._waiting: Frame | None = None
        self._credited = False

    async def handle(self, event: Event) -> None:
        """Take what a client may send; images are answered by tasks of their own."""
        if Image.is_type(event.type):
            await self._credit()
            self._take(Image.from_event(event))
        elif Classify.is_type(event.type):
            await self._credit()
            wanted = Classify.from_event(event)
            self._use(
                self._program if wanted.name is None else self._of(named(self._engines, wanted.name, "'classify'"))
            )
            self._wanted = wanted
        elif SelectProgram.is_type(event.type):
            name = Fields(event.type, event.data).text("name")
            self._program = self._of(selected("image", self._engines, name))
            self._use(self._program)

    async def end(self) -> None:
        """Leave the engine to the others."""
        if self._credited:
            self._eyes.leave()

    @property
    def _engines(self) -> list[Running]:
        return [eyes.engine for eyes in self._models]

    def _of(self, engine: Running) -> Eyes:
        return next(eyes for eyes in self._models if eyes.engine is engine)

    def _use(self, eyes: Eyes) -> None:
        """Have the images that follow looked at by `eyes`."""
        if self._credited:
            self._eyes.leave()
            eyes.join()
        self._eyes = eyes

    async def _credit(self) -> None:
        if not self._credited:
            self._credited = True
            self._eyes.join()
            await self.client.send(ImageCredit(CREDITS))

    def _take(self, image: Image) -> None:
        received = asyncio.get_running_loop().time()
        deadline = None if image.deadline_ms is None else received + image.deadline_ms / 1000
        if self._waiting is not None and not self._waiting.is_next:
            self._waiting.decide("superseded")
        self._waiting = frame = Frame(image.image, received=received, deadline=deadline)
        self._eyes.enter(frame)
        self.client.spawn(self._answer(image, frame, self._eyes, self._wanted))

    async def _answer(self, image: Image, frame: Frame, eyes: Eyes, wanted: Classify) -> None:
        answer = Classification(image.id, eyes.name, "ok", timestamp=image.timestamp)
        answer.status = await frame.outcome()
        answer.queued_ms = round((asyncio.get_running_loop().time() - frame.received) * 1000)
        if answer.status == "ok":
            try:
                seen = await frame.seen
            except RequestError as error:  # the engine's process has died, or cannot be started
                answer.status, answer.text = "busy", error.text
            except (EngineError, RuntimeError) as error:
                answer.status, answer.text = "busy", str(error)
            else:
                if isinstance(seen, str):
                    answer.status, answer.text = "invalid", seen
                else:
                    answer.labels, answer.inference_ms = self._labels(seen[0], wanted), seen[1]
        FRAMES.labels(answer.status).inc()
        await self.client.send(answer)

    def _labels(self, seen: list[Label], wanted: Classify) -> list[LabelScore]:
        least = self._min_score if wanted.threshold is None else wanted.threshold
        return [_told(label) for label in seen[: wanted.top_k] if label.score >= least]


def _told(label: Label) -> LabelScore:
    box = label.box
    edges = None if box is None else (_short(box.x), _short(box.y), _short(box.width), _short(box.height))
    return LabelScore(label.name, label.index, _short(label.score), edges)


def _short(value: float) -> float:
    return round(value, 4)


def add_options(parser: ArgumentParser) -> None:
    """Add the engine, and how closely it looks."""
    add_engine_options(parser, "image")
    parser.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="FILE",
        help="names of what a --model of your own tells apart, one a line, where no labels.txt lies beside it; may be"
        " repeated, in the order of --model",
    )
    parser.add_argument(
        "--max-side",
        type=int,
        default=MAX_SIDE,
        help="pixels of a picture's longer side for the engine people; larger ones are made smaller (%(default)s)",
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.5,
        help="score, 0 to 1, from which a label is told; models tell none below 0.01, or 0.1 with a box (%(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=whole(1, 64),
        default=max(1, (os.cpu_count() or 2) - 1),
        help="that look at pictures (one less than the cores: %(default)s)",
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Start the engines; what is yielded serves until the block ends. Raises `EngineError`."""
    if not 0 <= args.min_score <= 1:
        raise BadInput(f"min-score is {args.min_score}; it must be 0 to 1")
    if len(args.labels) > len(args.model):
        raise BadInput("there are more --labels than --model; the people detector needs none")
    labels = chain(args.labels, repeat(None))
    lanes = {"people": args.threads}  # each looks at a picture alone

    def setting(choice: Choice) -> Setting:
        if choice.engine.name == "people":
            return Setting({"max_side": args.max_side}, streams=lanes["people"])
        return Setting({"threads": args.threads, "labels": next(labels)}, streams=_LANES)

    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(open_engines(args, "image", setting))
        models = [Eyes(engine) for engine in running]
        for eyes in models:
            await stack.enter_async_context(eyes.open(lanes.get(eyes.engine.choice.engine.name, _LANES)))
        yield _info(running), lambda client: ImageSession(client, models, args.min_score)


def _info(running: list[Running]) -> Info:
    return Info(image=[_program(program_name("image", running, one), one) for one in running])


def _program(name: str, one: Running) -> ImageProgram:
    model = ImageModel(
        name=one.name,
        attribution=_OPENCV if one.choice.engine.name == "people" else _ONNX,
        installed=True,
        description=one.described["description"],
        version=one.described["version"],
        labels=len(one.described["labels"]),
    )
    return ImageProgram(
        name=name,
        attribution=OURS,
        installed=True,
        description="Tells what a picture shows",
        version=version(),
        models=[model],
    )


JOB = Job(
    name="image",
    port=10800,
    description="Tells what a picture shows: a Wyoming server of the job `image`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
