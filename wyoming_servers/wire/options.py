"""Command-line options in this project's manner: each is also an environment variable, and an error is one line.

`--data-dir` is `HEARTH_DATA_DIR`, or `HEARTH_DATA_DIR_FILE`, a file that holds the value (for secrets). The command
line goes before the environment; a secret on it is used, and that it can be read there is said. A flag is set by 1,
true, yes or on; an option that may be repeated takes its values separated by commas.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from wyoming_servers.wire.secrets import is_secret, variable_of

__all__ = ["Parser", "default_data_dir", "version", "whole"]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}

_MOST_CHARACTERS = 65_536
"""Of a file that holds a value."""


def default_data_dir() -> Path:
    """Return where state is kept unless `--data-dir` says otherwise (the XDG base directory specification)."""
    if base := os.environ.get("XDG_DATA_HOME"):
        return Path(base) / "hearth"
    try:
        return Path.home() / ".local" / "share" / "hearth"
    except RuntimeError:  # a user without a home, such as a service's
        return Path("/var/lib/hearth")


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a type for an option: a whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"takes a whole number from {least} to {most}, not '{text}'")
        return int(text)

    return read


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that also reads the environment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse `args` after what the environment says, so that `args` win."""
        given: Sequence[str] = sys.argv[1:] if args is None else args
        self._warn(given)
        return super().parse_known_args([*self._environment(given), *given], namespace)

    def format_help(self) -> str:
        """Return the help, which names each option's variable."""
        for action in self._actions:
            name = _variable(action)
            if name and action.help and action.help != argparse.SUPPRESS and f"[{name}]" not in action.help:
                action.help = f"{action.help} [{name}]"
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Say what was wrong in one line and exit with status 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def _warn(self, given: Sequence[str]) -> None:
        """Say which of the options on the command line are secrets."""
        written = {item.partition("=")[0] for item in given}
        for action in self._actions:
            if (name := _variable(action)) and is_secret(name) and written & set(action.option_strings):
                option = action.option_strings[-1]
                sys.stderr.write(
                    f"{self.prog}: {option} can be read by everybody on this machine; better write it into a file, and"
                    f" name that in {name}_FILE\n"
                )

    def _environment(self, given: Sequence[str]) -> Iterator[str]:
        for action in self._actions:
            name = _variable(action)
            value = self._value(name) if name else None
            if value is None:
                continue
            option = action.option_strings[-1]
            if action.nargs == 0:
                if value.lower() in _TRUE:
                    yield option
                elif value.lower() not in _FALSE:
                    self.error(f"{name} takes 1 or 0, not '{value}'")
            elif isinstance(action, argparse._AppendAction):
                if not any(item == option or item.startswith(f"{option}=") for item in given):
                    for item in filter(None, (part.strip() for part in value.split(","))):
                        yield f"{option}={item}"
            else:
                yield f"{option}={value}"

    def _value(self, name: str) -> str | None:
        file = os.environ.get(f"{name}_FILE")
        if not file:
            return os.environ.get(name)
        try:
            with Path(file).open(encoding="utf-8") as opened:
                value = opened.read(_MOST_CHARACTERS + 1)
        except (OSError, UnicodeError) as error:
            self.error(f"{name}_FILE names {file}, which cannot be read: {error}")
        if len(value) > _MOST_CHARACTERS:
            self.error(f"{name}_FILE names {file}, which holds more than {_MOST_CHARACTERS} characters")
        return value.strip()


def _variable(action: argparse.Action) -> str | None:
    """Return the environment variable of an option; None for what only makes sense on the command line."""
    option = action.option_strings[-1] if action.option_strings else ""
    if not option.startswith("--") or option in {"--help", "--version"}:
        return None
    return variable_of(option)


def version() -> str:
    """Return the version of this distribution."""
    from importlib import metadata

    return metadata.version("wyoming-hearth")
