"""Look at everything that Hearth needs on this machine, and say what to do about each fault.

`note`: something cannot be done here, and the rest can. `fault`: something does not work; the exit status is 1 then.
With --json: {"check", "state", "text", "remedy"}.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from functools import partial

from satellite.mqtt.options import add_mqtt_options
from wyoming_servers.house import add_hass_options

from .broker import check_broker
from .checks import CHECKS, Finding, State, check_engines
from .common import Output, add_common_options
from .home_assistant import check_home_assistant

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.FAULT: "bold red"}


def add_options(parser: ArgumentParser) -> None:
    """Add what every command takes, the language, and where the broker and Home Assistant are."""
    add_common_options(parser)
    parser.add_argument("--language", help="language that the asr and tts servers are started with (any)")
    add_hass_options(parser)
    add_mqtt_options(parser)


async def run(args: Namespace) -> int:
    """Look, and tell line by line."""
    output = Output(json=args.json)
    faults = 0

    def show(findings: list[Finding]) -> None:
        nonlocal faults
        for finding in findings:
            faults += finding.state is State.FAULT
            output.record(check=finding.check, state=finding.state, text=finding.text, remedy=finding.remedy)
            output.line(f"{finding.state:5}  {finding.check:12}  {finding.text}", _STYLES[finding.state])
            if finding.remedy:
                output.line(f"       {'':12}  -> {finding.remedy}")

    for check in CHECKS:
        look = partial(check_engines, language=args.language) if check is check_engines else check
        show(await asyncio.to_thread(look, args.data_dir))
    show(await check_broker(args))
    show(await check_home_assistant(args))
    return 1 if faults else 0
