"""Let this machine use the servers of another host: they may have its microphone and its camera from then on.

Without a name, lists who is trusted. A host is remembered by the id that its servers give; all its servers are meant.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from dataclasses import asdict

from satellite.network.servers import Servers
from satellite.network.trust import Trust
from satellite.network.watch import Origin, Server

from .common import CommandError, Output, UsageError, add_common_options, tell

_LOOK_S = 10.0


def add_options(parser: ArgumentParser) -> None:
    """Add whom to trust."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a server's name, as 'hearth discover' shows it")
    parser.add_argument("--remove", action="store_true", help="trust NAME no more")
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """Trust, or list."""
    output = Output(json=args.json)
    trust = Trust.kept_in(args.data_dir)
    if args.name is None:
        if args.remove:
            raise UsageError("--remove takes a NAME; 'hearth trust' lists who is trusted")
        entries = trust.entries()
        if not entries:
            tell("nobody is trusted; servers of this machine need no trust")
    elif args.remove:
        entries = [trust.remove(args.name)]
        tell(f"'{entries[0].name}' is trusted no more")
    else:
        server = await _look_for(args.name, trust)
        entries = [trust.add(server.id, server.name)]
        tell(f"the servers of '{server.name}' may be used from now on")
    for entry in entries:
        output.record(**asdict(entry))
    if args.name is None and entries:
        output.table(("name", "since", "id"), [(entry.name, entry.since, entry.id) for entry in entries])
    return 0


async def _look_for(name: str, trust: Trust) -> Server:
    """Return the server on another host that is called `name`, or has this id; raise `CommandError`."""
    async with Servers(trust=trust) as servers:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                while not _named(servers, name):
                    await servers.changed()
        named, found = _named(servers, name), servers.all()
    if not named:
        others = ", ".join(sorted(server.name for server in found if server.origin is Origin.ELSEWHERE))
        raise CommandError(f"no server '{name}' is found; on other hosts there is: {others or 'none at all'}")
    if all(server.origin is not Origin.ELSEWHERE for server in named):
        raise CommandError(f"'{name}' is on this machine, whose servers need no trust")
    strangers = {server.id: server for server in named if server.origin is Origin.ELSEWHERE}
    if len(strangers) > 1:
        ids = ", ".join(f"{server.id} at {server.uri}" for server in strangers.values())
        raise CommandError(f"several hosts have a server '{name}'; name one by its id: {ids}")
    return next(iter(strangers.values()))


def _named(servers: Servers, name: str) -> list[Server]:
    return [server for server in servers.all() if name in {server.name, server.id}]
