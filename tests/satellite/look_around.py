"""Prints what a satellite finds, one JSON line for every change: `python look_around.py TRUST_FILE`, run by tests."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from satellite.network.servers import Servers
from satellite.network.trust import Trust


async def main() -> None:
    async with Servers(trust=Trust(Path(sys.argv[1]))) as servers:
        while True:
            seen = [[server.name, server.uri, server.origin.name, server.id] for server in servers.all()]
            usable = [server.uri for server in servers.candidates("asr")]
            sys.stdout.write(json.dumps({"seen": seen, "usable": usable}) + "\n")
            sys.stdout.flush()
            try:
                await asyncio.wait_for(servers.changed(), 0.5)
            except TimeoutError:
                continue


if __name__ == "__main__":
    asyncio.run(main())
