"""What the commands share: their common options, and how they print.

Answers go to standard output: one JSON object a line with `--json`, colours on a terminal, plain lines elsewhere. All
else (progress, errors) goes to standard error, one line each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wyoming_servers.wire.options import default_data_dir

PORTS = {"vad": 10100, "tts": 10200, "asr": 10300, "wake": 10400, "handle": 10500, "image": 10800}
"""The six jobs of a house, and where their servers listen unless told otherwise."""


class CommandError(Exception):
    """The command cannot do what was asked; the message says why and what would be right."""

    status = 1
    """Exit status."""


class UsageError(CommandError):
    """What was asked makes no sense."""

    status = 2


def add_common_options(parser: ArgumentParser) -> None:
    """Add what every command takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--debug", action="store_true", help="log what happens, and where an error came from")
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=default_data_dir(),
        help="folder for caches, this machine's id and whom it trusts (%(default)s)",
    )


def tell(text: str) -> None:
    """Say something to the person at the terminal that is no part of the answer."""
    sys.stderr.write(f"hearth: {printable(text)}\n")
    sys.stderr.flush()


def warn(job: str, line: str) -> None:
    """Pass on a line of a server's log where it is a warning or an error; --debug shows all of them."""
    if line.startswith(("WARNING ", "ERROR ", "CRITICAL ")):
        tell(f"{job}: {line}")


def printable(text: str) -> str:
    """Return `text`, which may come from a stranger, in one line that no terminal takes for more than text."""
    return "".join(char if char.isprintable() else " " for char in text)


def _print(text: str, end: str = "\n") -> None:
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:  # whoever read has gone (`hearth discover | head -1`): end in good order, as if told to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)


class Output:
    """Standard output, for a program (`--json`), a terminal, or a pipe."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self._console: Any = None
        if not json and sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False, markup=False)

    @property
    def is_terminal(self) -> bool:
        """True where a person reads along; `console` is there then."""
        return self._console is not None

    @property
    def console(self) -> Any:
        """The terminal, a `rich.console.Console`."""
        return self._console

    def record(self, **fields: Any) -> None:
        """Print an object, for programs only."""
        if self.json:
            _print(json.dumps(fields, ensure_ascii=False))

    def line(self, text: str, style: str = "") -> None:
        """Print a line, for people only; `style` is rich's."""
        if self._console is not None:
            self._console.print(printable(text), style=style, soft_wrap=True)
        elif not self.json:
            _print(printable(text))

    def piece(self, text: str) -> None:
        """Print a part of a text as it comes, for people only; a line break in it is one."""
        shown = "\n".join(printable(line) for line in text.split("\n"))
        if self._console is not None:
            self._console.print(shown, end="", soft_wrap=True)
        elif not self.json:
            _print(shown, end="")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table, for people only: with a ruled head on a terminal, in aligned columns elsewhere."""
        if self._console is not None:
            self._console.print(self.as_table(columns, rows))
        elif not self.json:
            lines = [[column.upper() for column in columns], *([printable(cell) for cell in row] for row in rows)]
            widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
            for line in lines:
                _print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    @staticmethod
    def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
        """Return a `rich.table.Table`; its first column, the name to copy, is never cut."""
        from rich import box
        from rich.table import Column, Table
        from rich.text import Text

        first, *others = columns
        table = Table(Column(first, no_wrap=True), *others, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table
