"""Reading values that a peer sent: each is what it must be, or a `BadValue` says what was wrong and what is right."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from wyoming_servers.wire._errors import BadValue


class Fields:
    """The data of one event, or an object inside it."""

    def __init__(self, what: str, data: object) -> None:
        """`what` names the object in messages, for example "image"."""
        if not isinstance(data, Mapping):
            raise BadValue(f"'{what}' takes an object, not {shown(data)}")
        self._what = what
        self._data: Mapping[str, Any] = data

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a string; required where there is no default."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None where there is none."""
        return None if self._data.get(name) is None else self.text(name)

    def whole(self, name: str, *, least: int = 0, most: int = 2**53, default: int | None = None) -> int:
        """Return a whole number from `least` to `most`."""
        value = self._get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(name, f"a whole number from {least} to {most}")
        return value

    def optional_whole(self, name: str, *, least: int = 0, most: int = 2**53) -> int | None:
        """Return a whole number, or None where there is none."""
        return None if self._data.get(name) is None else self.whole(name, least=least, most=most)

    def number(self, name: str, *, least: float, most: float, default: float | None = None) -> float:
        """Return a finite number from `least` to `most`."""
        value = self._get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(name, f"a number from {least:g} to {most:g}")
        if not math.isfinite(value):
            raise self._wrong(name, "a finite number")
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`."""
        value = self._data.get(name)
        if not isinstance(value, str) or value not in choices:
            raise self._wrong(name, "one of " + ", ".join(choices))
        return value

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects, empty where there is none."""
        value = self._data.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list of objects")
        return [Fields(f"{self._what}.{name}[{index}]", item) for index, item in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """Return a list of strings, empty where there is none."""
        value = self._data.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts")
        return value

    def numbers(self, name: str, count: int, *, least: float, most: float) -> tuple[float, ...] | None:
        """Return a list of exactly `count` numbers, or None where there is none."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != count:
            raise self._wrong(name, f"a list of {count} numbers")
        items = Fields(f"{self._what}.{name}", {str(index): item for index, item in enumerate(value)})
        return tuple(items.number(str(index), least=least, most=most) for index in range(count))

    def optional_object(self, name: str) -> dict[str, Any] | None:
        """Return an object as it is, or None where there is none."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def value(self, name: str) -> Any:
        """Return whatever stands there, None where nothing does."""
        return self._data.get(name)

    def _get(self, name: str, default: object) -> object:
        value = self._data.get(name)
        return default if value is None else value

    def _wrong(self, name: str, right: str) -> BadValue:
        return BadValue(f"'{name}' of '{self._what}' takes {right}, not {shown(self._data.get(name))}")


def shown(value: object) -> str:
    """Return `value` for an error message: short and in one line, whatever a peer sent."""
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**64:
        return "a huge number"
    text = json.dumps(value[:61] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
