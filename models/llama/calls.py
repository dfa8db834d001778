"""What a language model may do in a house, and how it says so: it calls one of Home Assistant's intents.

A call stands at the end of an answer, in the form that most small models know (Hermes, Qwen, SmolLM2)::

    <tool_call>
    {"name": "HassTurnOn", "arguments": {"area": "kitchen", "domain": "light"}}
    </tool_call>

From its first line on, a grammar binds what the model writes: only intents that there are, with the names and areas of
this house and numbers within bounds. Only what is cheaply undone is among them: no covers, since a garage door is one,
and nothing that locks or guards. The sentences of the house do more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.engine import Intent
from models.sentences.house import House, Name

MARK = "<tool_call>"
BEGIN = f"{MARK}\n"
END = "\n</tool_call>"

DOMAINS = frozenset({"light", "switch", "input_boolean", "fan", "media_player", "climate", "humidifier"})
"""Kinds of things that are turned on and off by name."""

ONLY_TALKS = (
    "You cannot switch or set anything yourself: tell who asks for that to say it in plain words, such as: turn on the"
    " kitchen lights."
)
"""What a model is told that may call nothing."""

_WHEN = (
    "Call a function only for somebody who wants that done, and then write nothing but the call. Without a name or an"
    " area it is done where they are."
)

_COLORS = ("white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "turquoise")
"""Of the list `color` in home-assistant-intents."""

_DEGREES = {"metric": (10, 28), "imperial": (50, 82)}
"""Lowest and highest temperature that a room is set to, by a house's units."""

_SCALES = {"metric": "Celsius", "imperial": "Fahrenheit"}

_SWITCHES = frozenset({"HassTurnOn", "HassTurnOff"})

_HERE = _SWITCHES | {"HassLightSet", "HassFanSetSpeed"}
"""Without a name or an area they mean the area in which they are said."""


@dataclass(frozen=True, slots=True)
class _Function:
    """An intent."""

    name: str
    about: str
    arguments: dict[str, str]
    """JSON's types, by name."""

    rule: str
    """What stands between the braces of the arguments, in GBNF."""

    def tool(self) -> dict[str, Any]:
        """Return the function as chat templates take it."""
        properties = {name: {"type": kind} for name, kind in self.arguments.items()}
        parameters = {"type": "object", "properties": properties}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.about, "parameters": parameters},
        }


class Calls:
    """What can be called in a house."""

    def __init__(self, house: House) -> None:
        self._things: dict[str, tuple[Name, ...]] = {}
        for thing in house.names:
            if thing.domain in DOMAINS:
                self._things[thing.name] = (*self._things.get(thing.name, ()), thing)
        self._functions = _functions(house)
        self.tools = [function.tool() for function in self._functions]
        """The functions as chat templates take them."""
        self.grammar = _grammar(house, self._things, self._functions)
        """What follows `BEGIN`, in GBNF."""

    def told(self, *, by_template: bool) -> str:
        """Return what the system prompt is to say of them; a template that takes tools lists them itself."""
        if by_template:
            return _WHEN
        lines = [f"{one.name}({', '.join(one.arguments)}): {one.about}" for one in self._functions]
        example = f'{BEGIN}{{"name": "HassTurnOn", "arguments": {{"domain": "light"}}}}{END}'
        return "\n".join(["You can call these functions:", *lines, "A call looks so:", example, _WHEN])

    def read(self, written: str) -> Intent:
        """Return the intent of the call that stands, whole, at the end of `written`."""
        call: dict[str, Any] = json.loads(written.rpartition(BEGIN)[2].removesuffix(END))
        name, slots = call["name"], dict(call["arguments"])
        here = name in _HERE and not slots.keys() & {"name", "area"}
        things: tuple[Name, ...] = ()
        if name in _SWITCHES and "name" in slots:
            things = self._things[slots["name"]]  # and not a garage's door, which may have its lamp's name
            if len({thing.domain for thing in things}) == 1:
                slots["domain"] = things[0].domain
        return Intent(name, slots, here=here, written=written, things=things)


def _functions(house: House) -> list[_Function]:
    place = {"name": "string", "area": "string"}
    bright = _either(_member("brightness", "percent"), _member("color", "color"))
    lengths = _either(*(_member(unit, "count") for unit in ("hours", "minutes", "seconds")))
    kinds = {**place, "domain": "string"}
    return [
        _Function(
            "HassTurnOn", "turn on the thing of that name, or the lights or fans (domain) of an area", kinds, "switched"
        ),
        _Function("HassTurnOff", "turn off in the same way", kinds, "switched"),
        _Function(
            "HassLightSet",
            "brightness in percent, or color, of lights",
            {**place, "brightness": "integer", "color": "string"},
            f"light {bright}",
        ),
        _Function(
            "HassFanSetSpeed",
            "speed of fans in percent",
            {**place, "percentage": "integer"},
            f"fan {_member('percentage', 'percent')}",
        ),
        _Function(
            "HassClimateSetTemperature",
            f"degrees {_SCALES[house.units]}",
            {"area": "string", "temperature": "integer"},
            f"place {_member('temperature', 'degrees')}",
        ),
        _Function(
            "HassSetVolume",
            "percent, of yourself or of the player of that name",
            {"name": "string", "volume_level": "integer"},
            f"player {_member('volume_level', 'percent')}",
        ),
        _Function(
            "HassStartTimer",
            "set a timer, by one of them",
            {"hours": "integer", "minutes": "integer", "seconds": "integer"},
            lengths,
        ),
    ]


def _grammar(house: House, things: Mapping[str, Sequence[Name]], functions: Iterable[_Function]) -> str:
    """Return the grammar; where the house has none of a kind, nothing stands for it."""

    def before(*choices: str) -> str:
        """Return a member that may be left out, with the comma that parts it from the next."""
        there = [choice for choice in choices if choice]
        return f'( {_either(*there)} ", " )?' if there else '""'

    def named(*kinds: str) -> str:
        names = [name for name, called in things.items() if any(thing.domain in kinds for thing in called)]
        return _member("name", _either(*map(_text, names))) if names else ""

    area = _member("area", _either(*(_text(area.name) for area in house.areas))) if house.areas else ""
    lowest, highest = _DEGREES[house.units]
    opening, middle, closing = (_literal(text) for text in ('{"name": ', ', "arguments": {', "}}" + END))
    calls = (f"{_text(one.name)} {middle} {one.rule}" for one in functions)
    all_of_area = f"place {_member('domain', _either(_text('light'), _text('fan')))}"
    rules = {
        "root": f"{opening} {_either(*calls)} {closing}",
        "place": before(area),
        "light": before(named("light"), area),
        "fan": before(named("fan"), area),
        "player": before(named("media_player")),
        "switched": _either(*filter(None, (named(*DOMAINS), all_of_area))),
        "color": _either(*map(_text, _COLORS)),
        "degrees": _either(*(_literal(str(number)) for number in range(lowest, highest + 1))),
        "percent": '"100" | [1-9] [0-9]? | "0"',
        "count": "[1-9] [0-9]?",
    }
    return "\n".join(f"{name} ::= {rule}" for name, rule in rules.items())


def _member(name: str, rule: str) -> str:
    return f"{_literal(json.dumps(name) + ': ')} {rule}"


def _either(*rules: str) -> str:
    return f"( {' | '.join(rules)} )"


def _text(text: str) -> str:
    """Return the rule of a text in JSON."""
    return _literal(json.dumps(text, ensure_ascii=False))


def _literal(text: str) -> str:
    """Return the rule of these very characters."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
