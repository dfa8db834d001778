"""Another client: `python -P -m bench.describes PER_SECOND URI…` asks servers for `describe` until its input ends.

Each time on a new connection, and at fixed times, whether or not the last answer has come. Prints, as JSON, the
milliseconds that each answer took, null where there was none, by address.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from wyoming.info import Describe

from wyoming_servers.wire import WireError, connect_to, expect

_ANSWER_S = 5.0

Times = list[float | None]
"""Milliseconds; None where there was no answer."""


async def ask(uri: str, times: Times) -> None:
    """Ask once, and add the milliseconds to `times`."""
    began = time.perf_counter()
    try:
        async with connect_to(uri, timeout=_ANSWER_S) as connection:
            await connection.send(Describe())
            await expect(connection, "info", _ANSWER_S)
            times.append((time.perf_counter() - began) * 1000)
    except WireError:
        times.append(None)


async def keep_asking(uris: list[str], per_second: float, stop: asyncio.Event) -> dict[str, Times]:
    """Ask each of `uris` `per_second` times a second until `stop` is set; return what each answer took."""
    times: dict[str, Times] = {uri: [] for uri in uris}
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        due = loop.time()
        while not stop.is_set():
            for uri in uris:
                await asyncio.sleep(due - loop.time())
                tasks.create_task(ask(uri, times[uri]))
                due += 1 / (per_second * len(uris))
    return times


async def main() -> None:
    """Ask until the standard input ends."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    print(json.dumps(await keep_asking(sys.argv[2:], float(sys.argv[1]), stop)))


if __name__ == "__main__":
    asyncio.run(main())
