"""What every client does: ask, and wait for an answer that may be an error or may never come."""

from __future__ import annotations

import asyncio

from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe

from ._connection import Connection, connect_to
from ._errors import ConnectionLost, PeerError
from ._fields import Fields
from ._info import Info


async def answer(connection: Connection, timeout: float | None = None) -> Event:
    """Return the next event.

    Raises `PeerError` where it is an `error`, `ConnectionLost` where the peer ends first or says nothing for `timeout`
    seconds, and what `Connection.receive` raises.
    """
    try:
        async with asyncio.timeout(timeout):
            event = await connection.receive()
    except TimeoutError:
        raise ConnectionLost(f"{connection.peer} said nothing for {timeout:g} s") from None
    if event is None:
        raise ConnectionLost(f"{connection.peer} ended before it had answered")
    if Error.is_type(event.type):
        fields = Fields("error", event.data)
        raise PeerError(fields.text("text", default="an error without a text"), fields.optional_text("code"))
    return event


async def expect(connection: Connection, event_type: str, timeout: float | None = None) -> Event:
    """Return the next event of `event_type`, passing over others; `timeout` is for all of it. Raises as `answer`."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                event = await answer(connection)
                if event.type == event_type:
                    return event
    except TimeoutError:
        raise ConnectionLost(f"{connection.peer} sent no '{event_type}' within {timeout:g} s") from None


async def describe(uri: str, timeout: float = 5.0) -> Info:
    """Return what the server at `uri` offers. Raises as `connect` and `answer`, and `BadValue` for a broken Info."""
    async with connect_to(uri, timeout=timeout) as connection:
        await connection.send(Describe())
        return Info.from_event(await expect(connection, "info", timeout))
