"""A server program with nothing behind it: `python small_job.py --uri …`, run by the tests as a process."""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from wyoming.event import Event

from models.engine import EngineUnavailable
from wyoming_servers.program import Job, main
from wyoming_servers.service import Client, Session
from wyoming_servers.wire import Info


class Doing(Session):
    async def handle(self, event: Event) -> None:
        match event.type:
            case "echo":
                await self.client.send(event)
            case "hang":
                await asyncio.sleep(1000)
            case "think":
                await asyncio.to_thread(time.sleep, 0.5)
                await self.client.send(Event("thought"))
            case "flood":
                while True:
                    await self.client.send(Event("flood", payload=bytes(50_000)))


@asynccontextmanager
async def opened(args: Namespace) -> AsyncIterator[tuple[Info, Callable[[Client], Session]]]:
    if args.broken:
        raise EngineUnavailable("pip install 'wyoming-hearth[tts]'")
    print("limits", args.limit_idle_s, args.limit_connections, flush=True)  # noqa: T201
    try:
        yield Info(), Doing
    finally:
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        print("left", left, flush=True)  # noqa: T201


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--broken", action="store_true")


if __name__ == "__main__":
    sys.exit(main(Job("tts", 10200, "small", add_options, opened)))
