"""How bad input is sent to a server, and what has to come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wyoming.event import Event

from wyoming_servers.wire import Connection, ConnectionLost, ProtocolError, connect_to, encode

ALL: Final = ("vad", "wake", "asr", "handle", "tts", "image")

SOON_S: Final = 5.0
"""An error is told within this time, whatever else a server does."""

Test = Callable[[str], Coroutine[Any, Any, None]]
"""Does something to the server at an address; raises `RowError`."""


class RowError(Exception):
    """A server did not do what it has to; the message says what it did."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of bad input."""

    name: str
    jobs: Sequence[str]
    test: Test


async def receive(connection: Connection, seconds: float = SOON_S) -> Event | None:
    """Return the next event, None at the end; raise `RowError` where none comes or it is no event."""
    try:
        async with asyncio.timeout(seconds):
            return await connection.receive()
    except TimeoutError:
        raise RowError(f"nothing within {seconds:g} s") from None
    except ProtocolError as error:
        raise RowError(f"not Wyoming: {error.text}") from None
    except ConnectionLost:
        return None


def told_and_closed(data: bytes, seconds: float = SOON_S) -> Test:
    """One `error` with a text and a code, then the end."""

    async def test(uri: str) -> None:
        async with connect_to(uri) as connection:
            connection.write(data)
            error = await receive(connection, seconds)
            if error is None or error.type != "error" or not (error.data.get("text") and error.data.get("code")):
                raise RowError(f"wanted an error, got {shown(error)}")
            if (more := await receive(connection)) is not None:
                raise RowError(f"went on with {shown(more)} after its error")

    return test


def told_once(*sent: Event | bytes) -> Test:
    """One `error`, no more than that, and the connection lives."""
    return answered(*sent, by=frozenset({"error"}), errors=1)


def answered(*sent: Event | bytes, by: frozenset[str] = frozenset(), errors: int = 0) -> Test:
    """An event of one of the types in `by`, where there are any; so many errors; and the connection lives."""

    async def test(uri: str) -> None:
        async with connect_to(uri) as connection:
            for one in sent:
                connection.write(one if isinstance(one, bytes) else encode(one))
            missing, counted = bool(by), 0
            while missing:
                event = await receive(connection)
                if event is None:
                    raise RowError("the connection was closed")
                missing = event.type not in by
                counted += event.type == "error"
            connection.write(encode(Event("ping", {"text": "still here"})))
            while (event := await receive(connection)) is not None and event.type != "pong":
                counted += event.type == "error"
            if event is None:
                raise RowError("the connection was closed")
            if counted > errors:
                raise RowError(f"{counted} errors instead of {errors}")

    return test


def shown(event: Event | None) -> str:
    """Return `event` in a few words."""
    return "the end" if event is None else f"'{event.type}' {str(event.data)[:60]}"
