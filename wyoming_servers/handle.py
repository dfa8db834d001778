"""The handle server: decides what to answer to what was said.

A `transcript` is answered by `handled-start`, `handled-chunk`s, `handled-stop` and always `handled` with the whole
text, or by `not-handled` with a sentence to say. `handled`'s context holds `conversation_id`, `intent {name, slots}`
and `actions [{id, name, data}]`, which the satellite carries out.
"""

from __future__ import annotations

import sys
import uuid
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from wyoming.asr import Transcript
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop, NotHandled
from wyoming.info import HandleModel, HandleProgram

from models.engine import Exchange, Intent
from models.sentences.house import House, load_house

from .conversations import Conversation, Conversations
from .house import add_house_options
from .program import OURS, Job, main
from .service import Client, Session
from .skills import Answer, Request, carry_out, english, talk
from .skills.situation import read_situation
from .wire import BadValue, Fields, Info
from .wire.options import version
from .workers import Processes

MOST_CHARACTERS = 4000
"""Of a text; longer ones are refused."""

MOST_ID_CHARACTERS = 128

_QUEUE = 16
"""Texts that may wait for the engine; it looks at one at a time."""


class Brain:
    """What all connections share: the responder, the memory of conversations, and the clock on the wall."""

    def __init__(
        self, engine: Processes, described: dict[str, Any], house: House, *, now: Callable[[], datetime] = datetime.now
    ) -> None:
        """`described` is what `engine` told of itself when it was started, `now` gives local time."""
        self.engine = engine
        self.languages: list[str] = described["languages"]
        self.conversations = Conversations()
        self._described = described
        self._house = house
        self._now = now

    def carry_out(self, intent: Intent, conversation: Conversation, context: object) -> tuple[Intent, Answer]:
        """Return what `intent` means in this conversation, and the answer to it."""
        intent = talk.meant(intent, conversation.intent)
        request = Request(intent, read_situation(context), self._house, self._now(), conversation.last_answer)
        return intent, carry_out(request)

    def info(self) -> Info:
        """Return what `describe` is answered with."""
        model = HandleModel(
            name=self._described["name"],
            attribution=OURS,
            installed=True,
            description="The sentences of the house",
            version=self._described["version"],
            languages=self.languages,
        )
        program = HandleProgram(
            name="hearth-handle",
            attribution=OURS,
            installed=True,
            description="Answers what is said to the house",
            version=version(),
            models=[model],
            supports_handled_streaming=True,
        )
        return Info(handle=[program])


class HandleSession(Session):
    """Answers one transcript after the other."""

    def __init__(self, client: Client, brain: Brain) -> None:
        super().__init__(client)
        self._brain = brain

    async def handle(self, event: Event) -> None:
        """Answer a transcript; a text that is still being streamed is awaited, since it comes whole at its end."""
        if not Transcript.is_type(event.type):
            return
        fields = Fields("transcript", event.data)
        text = fields.text("text").strip()
        if len(text) > MOST_CHARACTERS:
            raise BadValue(f"'text' of 'transcript' has {len(text)} characters; at most {MOST_CHARACTERS} are answered")
        context = fields.optional_object("context") or {}
        known = Fields("context", context).optional_text("conversation_id") or uuid.uuid4().hex
        if len(known) > MOST_ID_CHARACTERS:
            raise BadValue(f"'conversation_id' has {len(known)} characters, at most {MOST_ID_CHARACTERS}")
        language = fields.optional_text("language")
        if not text:
            await self._refuse(english.NOT_HEARD, known)
        elif language is not None and not self._speaks(language):
            await self._refuse(english.OTHER_LANGUAGE, known)
        else:
            await self._answer(text, known, context)

    def _speaks(self, language: str) -> bool:
        family = language.replace("_", "-").partition("-")[0].lower()
        return family in {known.partition("-")[0].lower() for known in self._brain.languages}

    async def _answer(self, text: str, known: str, context: dict[str, Any]) -> None:
        conversation = self._brain.conversations.recall(known)
        said: list[str] = []
        extra: dict[str, Any] = {}
        async with self._brain.engine.stream(text=text, history=list(conversation.exchanges)) as answering:
            while (piece := await answering.call("more")) is not None:
                if not said:
                    await self.client.send(HandledStart(context={"conversation_id": known}))
                if isinstance(piece, Intent):
                    intent, answer = self._brain.carry_out(piece, conversation, context)
                    conversation.intent = intent
                    extra = {
                        "intent": {"name": intent.name, "slots": dict(intent.slots)},
                        "actions": [action.to_dict() for action in answer.actions],
                    }
                    said.append(answer.text)
                else:
                    said.append(piece)
                if said[-1]:
                    await self.client.send(HandledChunk(said[-1]))
        if not said:
            await self._refuse(english.NOT_UNDERSTOOD, known)
            return
        whole = "".join(said)
        if whole:
            conversation.exchanges.append(Exchange(text, whole))
        await self.client.send(HandledStop())
        await self.client.send(Handled(text=whole, context={"conversation_id": known, **extra}))

    async def _refuse(self, text: str, known: str) -> None:
        await self.client.send(NotHandled(text=text, context={"conversation_id": known}))


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Load the house and start the engine; what is yielded serves until the block ends. Raises `EngineError`."""
    house = load_house(args.config)
    chosen = {"config": args.config, "custom_sentences": args.custom_sentences}
    engine = Processes("models.intents:open_responder", chosen, count=1, queue=_QUEUE)
    try:
        brain = Brain(engine, await engine.start(), house)
        yield brain.info(), lambda client: HandleSession(client, brain)
    finally:
        await engine.close()


JOB = Job(
    name="handle",
    port=10500,
    description="Answers what is said to the house: a Wyoming server of the job `handle`.",
    add_options=add_house_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
