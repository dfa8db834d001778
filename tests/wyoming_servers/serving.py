"""A server under test, with its real options, workers and sockets, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wyoming.client import AsyncClient
from wyoming.event import Event, Eventable

from wyoming_servers.program import Job, parser
from wyoming_servers.service import Service
from wyoming_servers.wire import Limits


@asynccontextmanager
async def serving(
    job: Job, *options: str, uri: str = "tcp://127.0.0.1:0", limits: Limits | None = None
) -> AsyncIterator[str]:
    """Serve `job` for the length of a block; yields its address."""
    args = parser(job).parse_args(options)
    async with job.open(args) as (info, session), Service(info, session, limits=limits).listen(uri) as bound:
        yield bound


async def send(client: AsyncClient, *events: Event | Eventable) -> None:
    for event in events:
        await client.write_event(event if isinstance(event, Event) else event.event())


async def receive(client: AsyncClient, seconds: float = 60) -> Event:
    event = await asyncio.wait_for(client.read_event(), seconds)
    assert event is not None, "the server has ended the connection"
    return event


async def until(client: AsyncClient, *types: str) -> list[Event]:
    """Read events up to the first of `types`, which is the last of what is returned."""
    events: list[Event] = []
    while not events or events[-1].type not in types:
        events.append(await receive(client))
    return events
