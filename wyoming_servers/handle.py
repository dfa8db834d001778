"""The handle server: decides what to answer to what was said.

A `transcript` is answered by `handled-start`, `handled-chunk`s, `handled-stop` and always `handled` with the whole
text, or by `not-handled` with a sentence to say. What only Home Assistant can do is answered by an `intent` instead: it
carries that out, and says the `text` that comes with it, which may be a template. So it is whether the sentences of the
house or a language model know what is meant; what the model says before goes on ahead, as `handled-chunk`s.

A satellite of ours tells in the transcript's `context` which `actions` it carries out. It gets no `intent` event;
instead `handled`'s context holds `conversation_id`, `intent {name, slots}` and `actions [{id, name, data}]`.

A client that streams what is said (`transcript-start` with its context, `transcript-chunk`s) before the `transcript`
is answered sooner: a language model reads it meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop, NotHandled
from wyoming.info import SelectProgram
from wyoming.intent import Entity
from wyoming.intent import Intent as IntentEvent

from models.engine import EngineError, Exchange, Intent
from models.engines import Choice
from models.sentences.house import House
from wyoming_servers import persona
from wyoming_servers.brain import Brain
from wyoming_servers.engines import Setting, add_engine_options, open_engines
from wyoming_servers.house import add_house_options, open_house
from wyoming_servers.program import Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.skills import english
from wyoming_servers.skills.situation import read_situation
from wyoming_servers.wire import BadValue, Fields, Info, RequestError
from wyoming_servers.wire.options import whole
from wyoming_servers.workers import Processes

MOST_CHARACTERS = 4000
"""Of a text; longer ones are refused."""

MOST_ID_CHARACTERS = 128

_QUEUE = 16
"""Texts that may wait for an engine; it looks at one at a time."""

_LLAMA = "llama"


class _Reply:
    """An answer as it grows."""

    def __init__(self, client: Client, brain: Brain, known: str, context: dict[str, Any]) -> None:
        self.conversation = brain.conversations.recall(known)
        self.said: list[str] = []
        """Pieces; empty as long as nobody has understood, or what was understood is wanted of Home Assistant."""
        self.wanted: Intent | None = None
        """What Home Assistant is to do, and to say."""
        self._client, self._brain, self._known, self._context = client, brain, known, context
        self._extra: dict[str, Any] = {}
        self._written = ""

    async def ask(self, engine: Processes, text: str, facts: str = "") -> None:
        """Send what `engine` answers, as it comes; nothing where it has no answer."""
        history = list(self.conversation.exchanges)
        async with engine.stream(text=text, history=history, conversation=self._known, facts=facts) as answering:
            while (piece := await answering.call("more")) is not None:
                if isinstance(piece, Intent):
                    await self._carry_out(piece)
                elif piece:  # else it is at work
                    await self._say(piece)

    async def _say(self, piece: str) -> None:
        if not self.said:
            await self._client.send(HandledStart(context={"conversation_id": self._known}))
        self.said.append(piece)
        if piece:
            await self._client.send(HandledChunk(piece))

    async def _carry_out(self, meant: Intent) -> None:
        intent, answer = await self._brain.carry_out(meant, self.conversation, self._context)
        self.conversation.intent, self._written = intent, meant.written
        if answer.wanted is not None:
            self.wanted = replace(answer.wanted, response=answer.text)
            return
        self._extra = {
            "intent": {"name": intent.name, "slots": dict(intent.slots)},
            "actions": [action.to_dict() for action in answer.actions],
        }
        await self._say(f" {answer.text}" if "".join(self.said) else answer.text)

    @property
    def is_there(self) -> bool:
        """True where somebody has understood."""
        return bool(self.said) or self.wanted is not None

    async def end(self, text: str, facts: str) -> None:
        """Remember the answer, and send the end of it."""
        context = {"conversation_id": self._known, **self._extra}
        if self.wanted is not None:
            self.conversation.remember(Exchange(text, english.ASKED, facts, self._written))
            entities = [Entity(name, value) for name, value in self.wanted.slots.items()]
            if self.said:
                await self._client.send(HandledStop())
            await self._client.send(IntentEvent(self.wanted.name, entities, self.wanted.response, context))
            return
        whole = "".join(self.said)
        if whole:
            self.conversation.remember(Exchange(text, whole, facts, self._written))
        await self._client.send(HandledStop())
        await self._client.send(Handled(text=whole, context=context))


class HandleSession(Session):
    """Answers one transcript after the other."""

    def __init__(self, client: Client, brain: Brain) -> None:
        super().__init__(client)
        self._brain = brain
        self._talker = brain.talker()
        self._partial = ""
        self._partial_context: dict[str, Any] = {}
        self._reading: asyncio.Task[None] | None = None

    async def handle(self, event: Event) -> None:
        """Answer a transcript; of one that is still being streamed, let the language model read what there is."""
        fields = Fields(event.type, event.data)
        if SelectProgram.is_type(event.type):
            self._talker = self._brain.talker(fields.text("name"))
        elif TranscriptStart.is_type(event.type):
            self._partial, self._partial_context = "", fields.optional_object("context") or {}
        elif TranscriptChunk.is_type(event.type):
            if len(self._partial) <= MOST_CHARACTERS:  # with more it will be refused
                self._partial += fields.text("text")
                self._read_ahead()
        elif Transcript.is_type(event.type):
            await self.reset()
            self.begin_request(event.type)
            await self._take(fields)
            self.end_request()

    async def reset(self) -> None:
        """Forget what was streamed."""
        self._partial, self._partial_context = "", {}
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _take(self, fields: Fields) -> None:
        text = fields.text("text").strip()
        if len(text) > MOST_CHARACTERS:
            raise BadValue(f"'text' of 'transcript' has {len(text)} characters; at most {MOST_CHARACTERS} are answered")
        context = fields.optional_object("context") or {}
        known = _conversation_id(context) or uuid.uuid4().hex
        language = fields.optional_text("language")
        if not text:
            await self._refuse(english.NOT_HEARD, known)
        elif language is not None and not self._speaks(language):
            await self._refuse(english.OTHER_LANGUAGE, known)
        else:
            await self._answer(text, known, context)

    def _speaks(self, language: str) -> bool:
        family = language.replace("_", "-").partition("-")[0].lower()
        known = self._brain.languages + (self._talker.described["languages"] if self._talker else [])
        return family in {code.partition("-")[0].lower() for code in known}

    async def _answer(self, text: str, known: str, context: dict[str, Any]) -> None:
        reply, facts = _Reply(self.client, self._brain, known, context), ""
        if (heard := read_situation(context).last_reply) is not None:
            reply.conversation.heard(heard)
        await reply.ask(self._brain.sentences, text)
        if not reply.is_there and self._talker is not None:
            facts = self._brain.facts(reply.conversation, context)
            await reply.ask(self._talker.processes, text, facts)
        if reply.is_there:
            await reply.end(text, facts)
        else:
            await self._refuse(english.NOT_UNDERSTOOD, known)

    def _read_ahead(self) -> None:
        """Let the language model read what was said so far, unless it still reads what was said before."""
        text, context = self._partial.strip(), self._partial_context
        if self._talker is None or (self._reading is not None and not self._reading.done()):
            return
        if (known := _conversation_id(context)) and 0 < len(text) <= MOST_CHARACTERS:
            self._reading = self.client.spawn(self._read(self._talker.processes, text, known, context))

    async def _read(self, engine: Processes, text: str, known: str, context: dict[str, Any]) -> None:
        with suppress(EngineError, RequestError):  # the transcript will meet it too, and tell
            await self._read_all(engine, text, known, context)

    async def _read_all(self, engine: Processes, text: str, known: str, context: dict[str, Any]) -> None:
        conversation = self._brain.conversations.recall(known)
        async with engine.stream(
            text=text,
            history=list(conversation.exchanges),
            conversation=known,
            facts=self._brain.facts(conversation, context),
            unfinished=True,
        ) as reading:
            while await reading.call("more") is not None:
                pass

    async def _refuse(self, text: str, known: str) -> None:
        await self.client.send(NotHandled(text=text, context={"conversation_id": known}))


def _conversation_id(context: dict[str, Any]) -> str | None:
    known = Fields("context", context).optional_text("conversation_id")
    if known is not None and len(known) > MOST_ID_CHARACTERS:
        raise BadValue(f"'conversation_id' has {len(known)} characters, at most {MOST_ID_CHARACTERS}")
    return known


def add_options(parser: ArgumentParser) -> None:
    """Add the house, and who answers what is none of its sentences."""
    add_house_options(parser)
    add_engine_options(parser, "handle")
    parser.add_argument(
        "--persona",
        metavar="TEXT",
        default=persona.PERSONA,
        help="what a language model is told of itself; the rooms and things of the house follow (a short-spoken house)",
    )
    parser.add_argument(
        "--no-actions",
        action="store_true",
        help="a language model only talks; else, as is the default of Home Assistant's own agents, it also has done"
        " what somebody wants in words that are none of the sentences: with lights, fans, switches, media players, the"
        " temperature, volume and timers, which is soon undone; never with locks, alarms, doors or covers",
    )
    parser.add_argument(
        "--context-tokens",
        type=whole(256, 131_072),
        default=2048,
        metavar="N",
        help="longest conversation that a language model follows; older parts are dropped (%(default)s)",
    )


@asynccontextmanager
async def open_server(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    """Load the house and start the engines; what is yielded serves until the block ends. Raises `EngineError`."""

    def looked_up(house: House) -> dict[str, Any]:
        return {"house": house, "custom_sentences": args.custom_sentences}

    def told(house: House) -> dict[str, Any]:
        return persona.arguments(house, args.persona, acts=not args.no_actions)

    def setting(choice: Choice) -> Setting:
        if choice.engine.name != _LLAMA:
            return Setting(looked_up(known.now), queue=_QUEUE)
        # A file of the user's own does not tell its languages; the house's is spoken with it.
        others = {"context_tokens": args.context_tokens, "languages": choice.languages or [known.now.language]}
        return Setting(told(known.now) | others, queue=_QUEUE)

    async def learn(house: House) -> None:
        await sentences.renew(looked_up(house))
        for talker in talkers:
            await talker.processes.learn(told(house))

    async with AsyncExitStack() as stack:
        known = await stack.enter_async_context(open_house(args))
        opening = open_engines(args, "handle", setting, language=known.now.language)
        running = await stack.enter_async_context(opening)
        if running[0].choice.engine.name == _LLAMA:
            talkers = running
            arguments = looked_up(known.now)
            sentences = Processes("models.intents:open_responder", arguments, count=1, queue=_QUEUE, name="hassil")
            stack.push_async_callback(sentences.close)
            described = await sentences.start()
        else:
            talkers, sentences, described = [], running[0].processes, running[0].described
        brain = Brain(sentences, described, known, talkers=talkers)
        await stack.enter_async_context(known.followed_by(learn))
        yield brain.info(), lambda client: HandleSession(client, brain)


JOB = Job(
    name="handle",
    port=10500,
    description="Answers what is said to the house: a Wyoming server of the job `handle`.",
    add_options=add_options,
    open=open_server,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
