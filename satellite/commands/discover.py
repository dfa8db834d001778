"""List the servers that can be found, and say which may be used.

With --json, a line a server: {"name", "jobs", "uri", "id", "where", "use", "why"}; `where` is "here" or "elsewhere".
With --watch it goes on until Ctrl-C: a live table on a terminal, elsewhere a line whenever a server has come, changed
("+") or gone ("-"; with --json "gone": true). Exit status 1 where there is none.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from typing import Any

from satellite.network.servers import Servers
from satellite.network.trust import Trust
from satellite.network.watch import Origin, Server

from .common import Output, add_common_options, tell

_COLUMNS = ("name", "jobs", "uri", "use")


def add_options(parser: ArgumentParser) -> None:
    """Add how long to look."""
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="how long to look (%(default)g; those here answer within 0.3)"
    )
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """List what is found."""
    output = Output(json=args.json)
    async with Servers(trust=Trust.kept_in(args.data_dir)) as servers:
        if args.watch:
            await (_watch_table(servers, output) if output.is_terminal else _watch_lines(servers, output))
        await asyncio.sleep(max(0.0, args.seconds))
        found = servers.all()
        for server in found:
            output.record(**_record(servers, server))
        if found:
            output.table(_COLUMNS, [_row(servers, server) for server in found])
        else:
            tell("no server found; start them with: hearth up")
    return 0 if found else 1


async def _watch_table(servers: Servers, output: Output) -> None:
    from rich.live import Live

    with Live(console=output.console, auto_refresh=False) as live:
        while True:
            rows = [_row(servers, server) for server in servers.all()]
            live.update(output.as_table(_COLUMNS, rows), refresh=True)
            await servers.changed()


async def _watch_lines(servers: Servers, output: Output) -> None:
    shown: dict[str, dict[str, Any]] = {}
    while True:
        now = {server.uri: server for server in servers.all()}
        for uri in [uri for uri in shown if uri not in now]:
            gone = shown.pop(uri)
            output.record(**gone, gone=True)
            output.line(f"- {gone['name']} {uri}")
        for uri, server in now.items():
            record = _record(servers, server)
            if shown.get(uri) != record:
                shown[uri] = record
                output.record(**record)
                output.line("+ " + "  ".join(_row(servers, server)))
        await servers.changed()


def _record(servers: Servers, server: Server) -> dict[str, Any]:
    return {
        "name": server.name,
        "jobs": sorted(server.jobs),
        "uri": server.uri,
        "id": server.id,
        "where": "elsewhere" if server.origin is Origin.ELSEWHERE else "here",
        "use": servers.may_use(server),
        "why": _why(servers, server),
    }


def _row(servers: Servers, server: Server) -> tuple[str, ...]:
    use = "yes" if servers.may_use(server) else "no"
    return server.name, ", ".join(sorted(server.jobs)) or "none", server.uri, f"{use}: {_why(servers, server)}"


def _why(servers: Servers, server: Server) -> str:
    if server.origin is not Origin.ELSEWHERE:
        return "on this machine"
    return "trusted" if servers.may_use(server) else f"another host; hearth trust {server.name}"
