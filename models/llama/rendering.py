"""Renders the chat template of a model's file, within bounds: `python -P -m models.llama.rendering`.

A template is a program by whoever made the file. Jinja's sandbox keeps it from all but what it is given, and nothing
keeps it from taking for ever, or all memory: a power such as 9 ** 99999999 is one step, which no thread can break off.
So it runs in a process of its own, which the kernel ends when a text takes too long, and gives no more memory than a
little.

Reads JSON lines. The first is {"template", "seconds"}, which are what each text may take; each further one has the
names that the template is given, and is answered by {"text"} or {"error", "line"}. Ends when there is nothing more to
read.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

_BYTES = 256 << 20
"""More than there is at the start. A real template takes no memory to speak of."""

MOST_CHARACTERS = 1 << 20
"""Of a text; no model here reads a tenth of it."""


class _Generation(Extension):
    """`{% generation %}`, with which templates mark answers for training: what is inside stands as it is."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: jinja2.parser.Parser) -> Any:
        parser.stream.skip(1)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def main() -> None:
    """Serve until the parent goes."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the server, whose end closes our standard input
        signal.signal(number, signal.SIG_IGN)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + _BYTES
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    template: jinja2.Template | None = None
    answer: dict[str, Any] = {}
    seconds = 0.0
    for line in sys.stdin:
        given = json.loads(line)
        seconds = given.get("seconds", seconds)
        signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles it: it ends the process, whatever that does
        try:
            if template is None:
                template, answer = _environment().from_string(given["template"]), {"text": ""}
            else:
                answer = {"text": _text(template, given)}
        except Exception as error:  # noqa: BLE001 - whatever a stranger's program does
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            answer = {"error": said[:MOST_CHARACTERS], "line": getattr(error, "lineno", None)}
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _environment() -> jinja2.Environment:
    """Return what transformers, and llama.cpp after it, give to templates."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _raise, "strftime_now": _now}
    return environment


def _text(template: jinja2.Template, given: dict[str, Any]) -> str:
    text = ""
    for piece in template.generate(given):
        text += piece
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"it makes more than {MOST_CHARACTERS} characters")
    return text


def _to_json(value: Any, **how: Any) -> str:
    return json.dumps(value, **{"ensure_ascii": False, **how})


def _raise(message: str) -> NoReturn:
    raise ValueError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)


if __name__ == "__main__":
    main()
