"""Look at everything that Hearth needs on this machine, and say what to do about each fault.

`note`: something cannot be done here, and the rest can. `fault`: something does not work; the exit status is 1 then.
With --json: {"check", "state", "text", "remedy"}.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace

from .checks import CHECKS, State
from .common import Output, add_common_options

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.FAULT: "bold red"}


def add_options(parser: ArgumentParser) -> None:
    """Add what every command takes."""
    add_common_options(parser)


async def run(args: Namespace) -> int:
    """Look, and tell line by line."""
    output = Output(json=args.json)
    faults = 0
    for check in CHECKS:
        for finding in await asyncio.to_thread(check, args.data_dir):
            faults += finding.state is State.FAULT
            output.record(check=finding.check, state=finding.state, text=finding.text, remedy=finding.remedy)
            output.line(f"{finding.state:5}  {finding.check:12}  {finding.text}", _STYLES[finding.state])
            if finding.remedy:
                output.line(f"       {'':12}  -> {finding.remedy}")
    return 1 if faults else 0
