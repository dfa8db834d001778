"""Print what the house answers to a sentence, as it comes. No satellite is there to carry it out: nothing is switched.

With --json: {"text", "reply", "handled", "intent": {"name", "slots"} or null, "actions"}. Exit status 1 where the house
does not understand.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from typing import Any

from wyoming.asr import Transcript
from wyoming.event import Event
from wyoming.handle import HandledChunk

from satellite.turns.deciding import ANSWERS, read_answer
from wyoming_servers.wire import Connection, ConnectionLost, Fields, answer, connect_to

from .common import Output, UsageError
from .reach import add_reach_options, reach

_ANSWER_S = 60.0


def add_options(parser: ArgumentParser) -> None:
    """Add the sentence."""
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what to ask, such as: what time is it")
    parser.add_argument("--conversation", metavar="ID", help="go on with the conversation of this id")
    parser.add_argument("--language", help="the language of the sentence (the server's own)")
    add_reach_options(parser)


async def run(args: Namespace) -> int:
    """Print the answer."""
    text = " ".join(args.text).strip()
    if not text:
        raise UsageError("the text is empty; ask something, such as: hearth ask what time is it")
    output = Output(json=args.json)
    context: dict[str, Any] = {"actions": []}
    if args.conversation:
        context["conversation_id"] = args.conversation
    async with reach("handle", args) as uri, connect_to(uri) as connection:
        await connection.send(Transcript(text=text, language=args.language, context=context))
        streamed, event = await _answer(connection, output)
    reply, decision = read_answer(event)
    output.record(
        text=text, reply=reply, handled=decision.handled, intent=decision.intent, actions=list(decision.actions)
    )
    output.piece("\n" if streamed else f"{reply}\n")
    return 0 if decision.handled else 1


async def _answer(connection: Connection, output: Output) -> tuple[bool, Event]:
    """Print what is streamed; return whether anything was, and the event that ends the answer."""
    streamed = False
    try:
        while True:
            async with asyncio.timeout(_ANSWER_S):
                event = await answer(connection)
            if HandledChunk.is_type(event.type):
                streamed = True
                output.piece(Fields(event.type, event.data).text("text"))
            elif event.type in ANSWERS:
                return streamed, event
    except TimeoutError:
        raise ConnectionLost(f"{connection.peer} said nothing for {_ANSWER_S:g} s") from None
