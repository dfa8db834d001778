"""What is wrong with a file of sentences, said with its line.

hassil reads templates late and complains without a place, or not at all: a rule that contains itself never ends. So
every template of our own and of the user's is parsed and looked through before hassil meets it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yaml import ScalarNode

from models.sentences.document import Value

if TYPE_CHECKING:
    from hassil.expression import Expression, Sentence
    from hassil.intents import Intents

_INTENT_KEYS = frozenset({"data"})
_BLOCK_KEYS = frozenset(
    {
        "sentences",
        "slots",
        "response",
        "requires_context",
        "excludes_context",
        "expansion_rules",
        "lists",
        "metadata",
        "required_keywords",
        "inferred_domain",
        "name_domains",
        "settings",
    }
)
_LIST_KEYS = frozenset({"values", "range", "wildcard", "examples"})
_VALUE_KEYS = frozenset({"in", "out", "context", "metadata"})
_RANGE_KEYS = frozenset({"from", "to", "step", "type", "multiplier", "digits", "words", "words_language", "fractions"})
_RANGE_TYPES = ("number", "percentage", "temperature")

MAX_PERMUTATION = 6
"""Members of a permutation `(a;b;c)`: hassil tries every order, and 6 things have 720."""

MAX_PARTS = 5000
"""Words, lists and brackets of a template with its rules written out."""

MAX_RANGE = 10_000
"""Numbers in a range: each is spelled out in words, 0.03 ms apiece."""

MAX_TEMPLATE = 2000
"""Characters of a template."""

MAX_DEPTH = 24
"""Brackets within brackets, and rules within rules: hassil goes down by recursion."""


def check_shape(keys: dict[str, Value]) -> None:
    """Raise `DocumentError` unless a file's intents, lists and rules have the shape that hassil expects."""
    if "intents" in keys:
        for name, intent in keys["intents"].items("intents"):
            data = intent.mapping(f"intent {name}", _INTENT_KEYS).get("data")
            if data is None:
                raise intent.wrong(f"intent {name} needs `data:` with a list of `sentences:`")
            for block in data.values(f"data of {name}"):
                _check_block(name, block)
    if "lists" in keys:
        _check_lists(keys["lists"])
    if "expansion_rules" in keys:
        for name, body in keys["expansion_rules"].items("expansion_rules"):
            _parse(body, f"rule <{name}>")
    if "skip_words" in keys:
        for word in keys["skip_words"].values("skip_words"):
            word.text("a skip word")
    if "responses" in keys:
        _check_responses(keys["responses"])


def check(root: Value, intents: Intents) -> None:
    """Raise `DocumentError` where a template of the file needs a list or rule that is not there, or never ends."""
    keys = root.mapping("a file of sentences")
    everywhere = _Measure(intents.expansion_rules, frozenset(intents.slot_lists))
    if "lists" in keys:
        _check_values(keys["lists"], intents.expansion_rules)
    if "expansion_rules" in keys:
        for name, body in keys["expansion_rules"].items("expansion_rules"):
            everywhere.check(body, _parse(body, f"rule <{name}>"))
    if "intents" not in keys:
        return
    for name, intent in keys["intents"].items("intents"):
        for block in intent.mapping(name)["data"].values(name):
            parts = block.mapping(name)
            here = everywhere
            if "expansion_rules" in parts or "lists" in parts:
                here = _Measure(dict(intents.expansion_rules), frozenset(intents.slot_lists))
            if "expansion_rules" in parts:
                for rule, body in parts["expansion_rules"].items("expansion_rules"):
                    here.rules[rule] = _parse(body, f"rule <{rule}>")
            if "lists" in parts:
                here.lists = frozenset(intents.slot_lists) | parts["lists"].mapping("lists").keys()
                _check_values(parts["lists"], here.rules)
            for sentence in parts["sentences"].values("sentences"):
                here.check(sentence, _parse(sentence, f"a sentence of {name}"))


def _check_values(lists: Value, rules: dict[str, Sentence]) -> None:
    measure = _Measure(rules, None)
    for name, one in lists.items("lists"):
        parts = one.mapping(name)
        for value in parts["values"].values(name) if "values" in parts else ():
            said = value if isinstance(value.node, ScalarNode) else value.mapping(name)["in"]
            measure.check(said, _parse(said, f"a value of {name}"))


def _check_block(name: str, block: Value) -> None:
    parts = block.mapping(f"data of {name}", _BLOCK_KEYS)
    if "sentences" not in parts:
        raise block.wrong(f"data of {name} needs `sentences:` with a list of templates")
    for sentence in parts["sentences"].values(f"sentences of {name}"):
        _parse(sentence, f"a sentence of {name}")
    for key in ("slots", "requires_context", "excludes_context", "metadata", "settings"):
        if key in parts:
            parts[key].mapping(key)
    for key in ("required_keywords", "name_domains"):
        if key in parts:
            for word in parts[key].values(key):
                word.text(key)
    for key in ("response", "inferred_domain"):
        if key in parts:
            parts[key].text(key)
    if "lists" in parts:
        _check_lists(parts["lists"])
    if "expansion_rules" in parts:
        for rule, body in parts["expansion_rules"].items("expansion_rules"):
            _parse(body, f"rule <{rule}>")


def _check_lists(lists: Value) -> None:
    for name, one in lists.items("lists"):
        parts = one.mapping(f"list {name}", _LIST_KEYS)
        if len(parts.keys() & {"values", "range", "wildcard"}) != 1:
            raise one.wrong(f"list {name} needs one of `values:`, `range:` or `wildcard: true`")
        for value in parts["values"].values(f"values of {name}") if "values" in parts else ():
            _check_value(name, value)
        if "range" in parts:
            _check_range(name, parts["range"])
        for value in parts["examples"].values(f"examples of {name}") if "examples" in parts else ():
            value.text("an example")


def _check_value(name: str, value: Value) -> None:
    if isinstance(value.node, ScalarNode):
        _parse(value, f"a value of {name}")
        return
    parts = value.mapping(f"a value of {name}", _VALUE_KEYS)
    if "in" not in parts:
        raise value.wrong(f"a value of {name} needs `in:`, what is said")
    _parse(parts["in"], f"a value of {name}")
    for key in ("context", "metadata"):
        if key in parts:
            parts[key].mapping(key)


def _check_range(name: str, value: Value) -> None:
    parts = value.mapping(f"range of {name}", _RANGE_KEYS)
    numbers = {}
    for key in ("from", "to", "step"):
        if key not in parts:
            if key == "step":
                continue
            raise value.wrong(f"range of {name} needs `{key}:`")
        number = parts[key].plain()
        if isinstance(number, bool) or not isinstance(number, int):
            raise parts[key].wrong(f"{key} of {name} must be a whole number, not {number!r}")
        numbers[key] = number
    if numbers["from"] > numbers["to"]:
        raise value.wrong(f"range of {name} goes from {numbers['from']} down to {numbers['to']}; from must be smaller")
    if numbers.get("step", 1) < 1:
        raise parts["step"].wrong(f"step of {name} must be at least 1")
    if (numbers["to"] - numbers["from"]) // numbers.get("step", 1) > MAX_RANGE:
        raise value.wrong(f"range of {name} has more than {MAX_RANGE} numbers")
    if "type" in parts:
        parts["type"].choice("type", _RANGE_TYPES)
    if "fractions" in parts:
        parts["fractions"].choice("fractions", ("halves", "tenths"))
    if "multiplier" in parts and not isinstance(parts["multiplier"].plain(), (int, float)):
        raise parts["multiplier"].wrong("multiplier must be a number")


def _check_responses(responses: Value) -> None:
    for name, answers in responses.mapping("responses").get("intents", responses).items("intents of responses"):
        for key, answer in answers.items(f"responses of {name}"):
            answer.text(key)


def _parse(value: Value, what: str) -> Sentence:
    """Return the parsed template, or say what is wrong with it."""
    from hassil.parse_expression import parse_sentence
    from hassil.parser import ParseError

    text = value.text(what)
    plain = re.sub(r"\\.", "..", text)  # brackets behind a backslash are text
    if fault := _fault(plain):
        raise value.wrong(f"{what} cannot be read: {fault}: {text[:120]!r}")
    try:
        return parse_sentence(text, keep_text=True)
    except (ParseError, AssertionError, ValueError, IndexError) as error:
        raise value.wrong(f"{what} cannot be read: {error}: {text[:120]!r}") from error


def _fault(text: str) -> str | None:
    """Return what is wrong with the brackets or the length of a template, if anything is."""
    if len(text) > MAX_TEMPLATE:
        return f"longer than {MAX_TEMPLATE} characters"
    pairs = {")": "(", "]": "[", "}": "{", ">": "<"}
    opened: list[str] = []
    for position, character in enumerate(text, 1):
        if character in pairs.values():
            opened.append(character)
        elif character in pairs and (not opened or opened.pop() != pairs[character]):
            return f"{character!r} at character {position} closes nothing"
        elif character in pairs and text[position - 2] == pairs[character]:
            return f"nothing is in the brackets before character {position}"
        if len(opened) > MAX_DEPTH:
            return f"more than {MAX_DEPTH} brackets within brackets"
    return f"{opened[-1]!r} is never closed" if opened else None


class _Measure:
    """Measures templates with their rules written out, and finds what they name."""

    def __init__(self, rules: dict[str, Sentence], lists: frozenset[str] | None) -> None:
        """`lists` is None inside a list, where no other may stand."""
        self.rules = rules
        self.lists = lists
        self._sizes: dict[str, int] = {}

    def check(self, value: Value, sentence: Sentence) -> None:
        """Raise `DocumentError` at `value` where something is not there, never ends, or is too large."""
        size = self._size(value, sentence.expression, ())
        if size > MAX_PARTS:
            raise value.wrong(f"with its rules written out this has {size} parts, at most {MAX_PARTS}")

    def _size(self, value: Value, expression: Expression, inside: tuple[str, ...]) -> int:
        from hassil.expression import Group, ListReference, Permutation, RuleReference

        if isinstance(expression, Group):
            if isinstance(expression, Permutation) and len(expression.items) > MAX_PERMUTATION:
                parts = len(expression.items)
                raise value.wrong(f"a permutation (a;b;...) has {parts} parts, at most {MAX_PERMUTATION}")
            return 1 + sum(self._size(value, item, inside) for item in expression.items)
        if isinstance(expression, ListReference) and not expression.is_inline_range:
            if self.lists is None:
                raise value.wrong(f"{{{expression.list_name}}} stands inside a list's value, where only words can")
            if expression.list_name not in self.lists:
                raise value.wrong(f"there is no list {{{expression.list_name}}}; give it under `lists:`")
        elif isinstance(expression, RuleReference):
            return self._rule_size(value, expression.rule_name, inside)
        return 1

    def _rule_size(self, value: Value, name: str, inside: tuple[str, ...]) -> int:
        if name not in self.rules:
            raise value.wrong(f"there is no rule <{name}>; give it under `expansion_rules:`")
        if name in inside or len(inside) > MAX_DEPTH:
            raise value.wrong(f"rule <{name}> never ends: {' -> '.join((*inside, name))}")
        if name not in self._sizes:
            self._sizes[name] = self._size(value, self.rules[name].expression, (*inside, name))
        return self._sizes[name]
