"""Valid conversations with mistakes in them, from a seed."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wyoming.event import Event

from bench.conversations import Conversation, conversations
from wyoming_servers.wire import Connection, WireError, connect_to, encode

_PONG_S = 0.3
_ANSWER_S = 30.0
_MOST_EVENTS = 40
"""Of one conversation; there are many."""

_MOST_CONVERSATIONS = 8

_MISTAKES = 0.3
"""Share of the events that are changed."""

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 16000, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308),
    *("", "0", "16000", "\0", "x" * 5000, "🎈", "\u202e", "true", "en", "../../etc/passwd", "%s%n", "<x/>"),
    *([], {}, [[]], [None], {"": None}, {"name": 5}, [1] * 200),
)


@dataclass(slots=True)
class Done:
    """What became of the events."""

    events: int = 0
    connections: int = 0
    errors: int = 0
    """`error` events that came back."""

    closed: int = 0
    """Connections that the server ended."""

    unanswered: int = 0
    """Connections on which the server no longer answered `ping`, although it had not ended them."""


async def fuzz(job: str, uri: str, events: int, seed: int, done: Done) -> None:
    """Send events to the server at `uri`, a few conversations a connection, until `done` counts `events`."""
    rng = random.Random(seed)
    known = [_short(conversation) for conversation in conversations(job)]
    while done.events < events:
        asked = [event for _ in range(rng.randrange(1, _MOST_CONVERSATIONS)) for event in rng.choice(known)]
        said = list(_mistaken(rng, asked))
        done.connections += 1
        try:
            async with connect_to(uri) as connection:
                await _talk(connection, said, done)
        except WireError:
            done.closed += 1


async def _talk(connection: Connection, said: list[bytes], done: Done) -> None:
    reading = asyncio.create_task(_read(connection, done))
    try:
        for raw in said:
            connection.write(raw)
            done.events += 1
            await connection._writable.wait()
        connection.write(encode(Event("ping", {"text": "end"})))
        await asyncio.wait([reading], timeout=_PONG_S)
        if not reading.done():  # the server waits for the rest of an event that was cut short
            assert connection._transport is not None
            with suppress(OSError):  # it is gone already
                connection._transport.write_eof()
        async with asyncio.timeout(_ANSWER_S):
            await reading
    except TimeoutError:
        done.unanswered += 1
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(connection: Connection, done: Done) -> None:
    """Read until the pong, or the end."""
    while (event := await connection.receive()) is not None and event.type != "pong":
        done.errors += event.type == "error"
    done.closed += event is None


def _short(conversation: Conversation) -> list[Event]:
    """Return its first and last events, and sound in small pieces: what matters here is not how much there is."""
    events = [copy.deepcopy(event) for event in conversation.events]
    for event in events:
        if event.type == "audio-chunk" and event.payload:
            event.payload = event.payload[:320]
    return events if len(events) <= _MOST_EVENTS else [*events[: _MOST_EVENTS - 1], events[-1]]


def _mistaken(rng: random.Random, events: list[Event]) -> Iterator[bytes]:
    """Yield the events as they are sent, some of them changed."""
    for event in events:
        if rng.random() > _MISTAKES:
            yield encode(event)
            continue
        mistake = rng.randrange(9)
        if mistake == 0:  # left out
            continue
        if mistake == 1:  # said again and again
            yield from [encode(event)] * rng.randrange(2, 6)
        elif mistake == 2:  # another one in its place
            yield encode(rng.choice(events))
        elif mistake == 3:  # a byte or more changed on the way
            raw = bytearray(encode(event))
            for _ in range(rng.choice((1, 1, 1, 4, 16))):
                raw[rng.randrange(min(len(raw), 400))] = rng.randrange(256)
            yield bytes(raw)
        elif mistake == 4:  # cut short
            raw = bytearray(encode(event))
            yield bytes(raw[: rng.randrange(len(raw))])
        elif mistake == 5:  # another type
            yield encode(Event(rng.choice((*{one.type for one in events}, "error", "x")), event.data, event.payload))
        elif mistake == 6:  # another payload
            yield encode(Event(event.type, event.data, rng.randbytes(rng.choice((0, 1, 3, 320, 5000)))))
        else:  # other values
            yield encode(Event(event.type, _changed(rng, event.data), event.payload))


def _changed(rng: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    changed = dict(data)
    for _ in range(rng.randrange(1, 3)):
        if changed and rng.random() < 0.3:
            changed.pop(rng.choice(sorted(changed)))
        else:
            name = rng.choice((*sorted(data), "text", "rate", "context", "voice", "name"))
            changed[name] = rng.choice(_VALUES)
    return changed
