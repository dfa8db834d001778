"""What to answer: the words go to a handle server, and its answer streams back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wyoming.asr import Transcript
from wyoming.event import Event

from wyoming_servers.wire import BadValue, Connection, Fields, WireError

from .asking import Asker
from .reply import Reply

if TYPE_CHECKING:
    from satellite.network.watch import Server

NOT_UNDERSTOOD = "Sorry, I did not understand that."
"""Where a server does not say so itself: a failure is never silence."""

NOBODY_DOES = "I understood, but nothing here can do that."
"""To an `intent` of a server that leaves it to Home Assistant: its own text would say that it was done."""

_MOST_ACTIONS = 64

_AFTER_STOP_S = 0.5
"""A server that ends its stream without a `handled` may still send that."""

ANSWERS = ("handled", "not-handled", "not-recognized", "intent")
"""Types of events that end an answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a handle server said."""

    handled: bool
    intent: dict[str, Any] | None = None
    """name, slots."""

    actions: tuple[Any, ...] = ()
    """What the satellite is to do, as it came."""


async def decide(asker: Asker, text: str, reply: Reply, *, language: str | None, context: dict[str, Any]) -> Decision:
    """Fill `reply` as the answer comes, and return the rest of it. Raises `StageFailed`."""

    async def attempt(connection: Connection, _server: Server) -> Decision:
        reply.begin()
        await connection.send(Transcript(text=text, language=language, context=context))
        while True:
            event = await asker.next(connection)
            if event.type == "handled-chunk":
                reply.add(Fields(event.type, event.data).text("text"))
            elif event.type == "handled-stop":
                return await _after_stop(connection)
            elif event.type in ANSWERS:
                return _read(event)

    async def _after_stop(connection: Connection) -> Decision:
        try:
            async with asyncio.timeout(_AFTER_STOP_S):
                while (event := await asker.next(connection)).type not in ANSWERS:
                    pass
        except (TimeoutError, WireError):
            return Decision(handled=True)  # it has told the whole text, and knows no more to say
        return _read(event)

    def _read(event: Event) -> Decision:
        text, decision = read_answer(event)
        reply.complete(text)
        if not decision.handled and not reply.text:
            reply.add(NOT_UNDERSTOOD)
        return decision

    return await asker.ask("handle", attempt)


def read_answer(event: Event) -> tuple[str, Decision]:
    """Return the whole text of the answer that `event`, one of `ANSWERS`, ends, and the rest. Raises `BadValue`."""
    fields = Fields(event.type, event.data)
    if event.type == "intent":
        slots = {entity.text("name"): entity.value("value") for entity in fields.objects("entities")}
        return NOBODY_DOES, Decision(handled=False, intent={"name": fields.text("name"), "slots": slots})
    context = fields.optional_object("context") or {}
    intent, actions = context.get("intent"), context.get("actions") or []
    if not isinstance(actions, list) or len(actions) > _MOST_ACTIONS:
        raise BadValue(f"'actions' of '{event.type}' takes a list of at most {_MOST_ACTIONS} objects")
    intent = intent if isinstance(intent, dict) else None
    return fields.text("text", default=""), Decision(event.type == "handled", intent, tuple(actions))
