"""`script/bench NAME [options]`: measurements, each with its bound; `--json` prints one line; status 1 means missed."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys

from bench.report import BenchError
from wyoming_servers.wire.options import Parser

BENCHES = {
    "speech-to-intent": "share of spoken commands of which every slot comes out right, and the time it takes",
    "describe-under-load": "how soon a server says what it is while it works flat out",
    "voice-to-voice": "from the true end of speech to the first sound of the answer",
    "idle": "memory and CPU of a satellite that waits for its wake word",
    "engines": "neural engines against the same libraries used directly",
    "wer": "word error rate of the asr server on recordings of your own",
    "home-assistant": "turns with Home Assistant, each cut off at a random moment: nothing stuck, nothing said twice",
    "mqtt": "how soon what a satellite does is seen on the broker, and what a command to it has changed",
    "hostile": "every kind of bad input against all servers",
}


def main() -> int:
    """Run the benchmark that the command line names; return its exit status."""
    names = "\n".join(f"  {name:20} {text}" for name, text in BENCHES.items())
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHES:
        sys.stderr.write(f"usage: script/bench NAME [options]\n{names}\n")
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    name = sys.argv[1]
    bench = importlib.import_module(f"bench.{name.replace('-', '_')}")
    parser = Parser(prog=f"script/bench {name}", description=bench.__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    bench.add_options(parser)
    args = parser.parse_args(sys.argv[2:])
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        report = asyncio.run(bench.run(args))
    except BenchError as error:
        sys.stderr.write(f"script/bench {name}: {error}\n")
        return 1
    return int(report.show(as_json=args.json))


if __name__ == "__main__":
    sys.exit(main())
