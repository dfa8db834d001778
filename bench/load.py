"""A client that keeps a server busy: `python -P -m bench.load JOB URI CONNECTIONS SECONDS` prints the work done."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time

from bench.conversations import Conversation, conversations, converse
from wyoming_servers.wire import connect_to

_NICE = 5
"""Clients are other machines in life; here they should not keep the measured ones from running."""


async def main(job: str, uri: str, connections: int, seconds: float) -> None:
    """Ask as much as the server can answer, and print how much that was."""
    os.nice(_NICE)
    known = conversations(job)
    print("ready", flush=True)
    ends = time.monotonic() + seconds
    done = await asyncio.gather(
        *(_keep_asking(uri, known[index:] + known[:index], ends) for index in range(connections))
    )
    print(sum(done), flush=True)


async def _keep_asking(uri: str, known: list[Conversation], ends: float) -> float:
    done = 0.0
    async with connect_to(uri) as connection:
        for conversation in itertools.cycle(known):
            if time.monotonic() >= ends:
                break
            done += await converse(connection, conversation)
    return done


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
