"""What every client does: connect, ask, and wait for an answer that may be an error or may never come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe

from wyoming_servers.wire._connection import Connection
from wyoming_servers.wire._errors import ConnectionLost, PeerError
from wyoming_servers.wire._fields import Fields
from wyoming_servers.wire._info import Info
from wyoming_servers.wire._limits import Limits
from wyoming_servers.wire._uri import Tcp, parse_uri


async def connect(uri: str, *, timeout: float = 5.0, limits: Limits | None = None) -> Connection:
    """Return a connection to the server at `uri`, which the caller closes (or uses in `async with`).

    Raises `BadValue` for a wrong address, `ConnectionLost` where nobody answers within `timeout` seconds.
    """
    target = parse_uri(uri)
    loop = asyncio.get_running_loop()

    def factory() -> Connection:
        return Connection(limits or Limits())

    try:
        async with asyncio.timeout(timeout):
            if isinstance(target, Tcp):
                _, connection = await loop.create_connection(factory, target.host, target.port)
            else:
                _, connection = await loop.create_unix_connection(factory, target.path)
    except TimeoutError:
        raise ConnectionLost(f"{uri} did not answer within {timeout:g} s") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConnectionLost(f"{uri} cannot be reached: {reason}") from error
    return connection


@asynccontextmanager
async def connect_to(uri: str, *, timeout: float = 5.0) -> AsyncIterator[Connection]:
    """Connect to `uri` for the length of a block."""
    async with await connect(uri, timeout=timeout) as connection:
        yield connection


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
