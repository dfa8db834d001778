"""YAML files written by people: every complaint names the file, the line, what is wrong and what would be right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.engine import EngineError

MAX_BYTES = 1 << 20
"""A larger file is not somebody's sentences."""

MAX_DEPTH = 32

MAX_COMPLAINT = 400
"""Characters of a complaint."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster, and not always there


class DocumentError(EngineError):
    """A file is not as it must be."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a YAML file, with its place.

    The methods return what they are named for, and raise `DocumentError` where something else stands.
    """

    path: Path
    node: yaml.Node

    @property
    def line(self) -> int:
        """Counted from 1."""
        return int(self.node.start_mark.line) + 1

    def wrong(self, what: str) -> DocumentError:
        """Return the error that says `what` about this place."""
        what = what if len(what) <= MAX_COMPLAINT else f"{what[:MAX_COMPLAINT]}…"
        return DocumentError(f"{self.path}, line {self.line}: {what}")

    def items(self, what: str, keys: frozenset[str] | None = None) -> Iterator[tuple[str, Value]]:
        """Yield the pairs of a mapping; `keys` are the only ones allowed."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"{what} must be a mapping (key: value), not {self._kind()}")
        seen = set()
        for key_node, value_node in self.node.value:
            key = Value(self.path, key_node)
            name = key.text(f"a key of {what}")
            if name in seen:
                raise key.wrong(f"{name!r} stands twice in {what}")
            if keys is not None and name not in keys:
                raise key.wrong(f"{what} has no {name!r}; it may have {', '.join(sorted(keys))}")
            seen.add(name)
            yield name, Value(self.path, value_node)

    def mapping(self, what: str, keys: frozenset[str] | None = None) -> dict[str, Value]:
        """Return a mapping; `keys` are the only ones allowed."""
        return dict(self.items(what, keys))

    def values(self, what: str) -> list[Value]:
        """Return the members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"{what} must be a list (- value), not {self._kind()}")
        return [Value(self.path, node) for node in self.node.value]

    def text(self, what: str) -> str:
        """Return a text that is not empty, as it is written: `on` is the word, not YAML's yes."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong(f"{what} must be text, not {self._kind()}")
        text = " ".join(self.node.value.split())
        if not text:
            raise self.wrong(f"{what} must not be empty")
        return text

    def choice(self, what: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`."""
        text = self.text(what)
        if text not in choices:
            raise self.wrong(f"{what} is {text!r}, but must be {' or '.join(choices)}")
        return text

    def plain(self) -> Any:
        """Return the value as YAML says it; what JSON cannot say, such as a date, is text."""
        if isinstance(self.node, yaml.MappingNode):
            return {name: value.plain() for name, value in self.items("this mapping")}
        if isinstance(self.node, yaml.SequenceNode):
            return [value.plain() for value in self.values("this list")]
        if self.node.tag.rpartition(":")[2] not in ("null", "bool", "int", "float"):
            return self.node.value
        try:
            value = yaml.constructor.SafeConstructor().construct_object(self.node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.wrong(f"{self._kind()} cannot be read: {_first_line(error)}") from error
        return self.node.value if isinstance(value, float) and not math.isfinite(value) else value

    def _kind(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        return repr(self.node.value) if self.node.value else "nothing"


def read(path: Path) -> Value | None:
    """Return the document in `path`, None if there is nothing in it.

    Raises `DocumentError` for a file that cannot be read, is not YAML, is larger than `MAX_BYTES`, nested deeper than
    `MAX_DEPTH`, or uses aliases (`*name`), with which a few lines can mean gigabytes.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise DocumentError(f"{path}: larger than {MAX_BYTES} bytes, which no file of sentences is")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{path}, line {line}: not UTF-8 text (byte {raw[error.start]:#04x})") from error
    try:
        _look_through(path, text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise DocumentError(f"{where}: not YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(f"{path}, line {line}: not YAML: {error.reason}") from error
    return Value(path, node) if node is not None else None


def _look_through(path: Path, text: str) -> None:
    """Refuse what would cost more to read than its length says: libyaml overflows the stack on deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > MAX_DEPTH:
            raise DocumentError(f"{path}, line {line}: nested more than {MAX_DEPTH} deep, which no sentences need")
        if isinstance(event, yaml.AliasEvent):
            raise DocumentError(f"{path}, line {line}: an alias (*{event.anchor}); write the value out instead")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
