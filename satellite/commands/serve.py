"""Run one server: the same as `python -m wyoming_servers.JOB`; `hearth serve JOB --help` tells of its options."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser, Namespace

from .common import PORTS


def add_options(parser: ArgumentParser) -> None:
    """Add the job; what follows is the server's own."""
    parser.add_argument("job", choices=PORTS, help="what it does")
    parser.add_argument("options", nargs=REMAINDER, metavar="…", help="the server's own options")


async def run(args: Namespace) -> int:
    """Become the server; this process is its process."""
    # -P: a file in the current folder shall not pass for a module of ours.
    os.execv(  # noqa: S606 - the options are a list, no shell reads them
        sys.executable, [sys.executable, "-P", "-m", f"wyoming_servers.{args.job}", *args.options]
    )
