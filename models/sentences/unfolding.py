"""From hassil's expression trees to one automaton over words.

A tree is unfolded from its end to its beginning, and endings that are equal are kept once (`nodes.py`). So the
automaton stays small (some twelve thousand arcs for Home Assistant's English sentences and an ordinary house), where a
list of the sentences would run into many millions.

Chances are what people say, as far as one can guess it: the alternatives that a template names first are the usual
ones, most optional parts are left out (`OPTIONAL`), small and round numbers are said more often than others, and some
intents more often than others (`COMMON`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.engine import EngineError
from models.sentences.grammar import Grammar
from models.sentences.library import fits
from models.sentences.minimizing import minimize
from models.sentences.nodes import DEAD, END, GOODBYE, Nodes, Phrase
from models.sentences.numbers import ways_to_say

if TYPE_CHECKING:
    from hassil.expression import Expression, ListReference
    from hassil.intents import IntentData, RangeSlotList, SlotList

    from models.sentences.library import Sentences

_LOGGER = logging.getLogger(__name__)

OPTIONAL = 0.3
"""How often an [optional] part is said."""

ARTICLE = 0.7
"""How often it is said if it is no more than one of `ARTICLES`."""

ARTICLES = frozenset({"the", "a", "an", "my", "our", "your", "to", "of", "and", "s", "es"})

COURTESY = 0.03
"""How often a sentence begins, and how often it ends, with words that may be skipped ("please")."""

AGAIN = 0.3
"""How often these are two ("could you please", "for me please")."""

_LAST = "for "
"""What begins so and may be skipped comes last ("for me")."""

COMMON: Mapping[str, float] = {
    "HassTurnOn": 10,
    "HassTurnOff": 10,
    "HassLightSet": 5,
    "HassGetCurrentTime": 5,
    "HassStartTimer": 5,
    "HassGetCurrentDate": 2,
    "HassSetVolume": 2,
    "HassTimerStatus": 2,
    "HearthCalculate": 2,
    "HearthLook": 2,
    "HearthStop": 2,
    "HearthAlso": 0.3,
}
"""How often an intent is meant, against 1 for others of the house; the user's own count `CUSTOM`."""

CUSTOM = 5

LIGHTS = 4
"""How often a block of templates is about lights, against 1 for other things."""

MOST_NODES = 600_000
"""Of the whole; it takes 300 MB and 20 s to get there."""

MOST_NODES_A_TEMPLATE = 60_000
"""One template that needs more is left out: it holds a range of thousands in several places."""


def unfold(sentences: Sentences) -> Grammar:
    """Return everything that `sentences` understands.

    A wildcard is heard as one of its list's `examples`; a template with a wildcard that has none is not listened for.
    Raises `EngineError` when it is too much to listen for.
    """
    nodes = Nodes(MOST_NODES)
    ends = _ends(nodes, sentences.skip_words)
    meant = []
    for name, intent in sentences.intents.intents.items():
        blocks = [(_block(nodes, sentences, name, data, ends), _common(data)) for data in intent.data]
        common = CUSTOM if name in sentences.custom_intents else COMMON.get(name, 1.0)
        meant.append((nodes.union(blocks), common))
    start = nodes.union(meant)
    once = _courteous(nodes, sentences.skip_words, start)
    twice = _courteous(nodes, sentences.skip_words, nodes.union([(start, 1 - AGAIN), (once, AGAIN)]))
    return minimize(nodes.network(nodes.union([(start, 1 - COURTESY), (twice, COURTESY)])))


def _courteous(nodes: Nodes, skip_words: Sequence[str], after: int) -> int:
    """Return the node where words begin that may be skipped and come before a sentence."""
    before = (words for words in skip_words if not words.startswith(_LAST))
    return nodes.union([(nodes.text(f"{words} ", after), 1.0) for words in before])


def _common(data: IntentData) -> float:
    return LIGHTS if data.slots.get("domain") == "light" else 1.0


def _block(nodes: Nodes, sentences: Sentences, name: str, data: IntentData, ends: tuple[int, int]) -> int:
    templates = _Templates(nodes, sentences, data, ends)
    parts = []
    for sentence in data.sentences:
        before = len(nodes)
        try:
            parts.append((templates.build(sentence.expression, before + MOST_NODES_A_TEMPLATE), 1.0))
        except _TooLargeError:
            _LOGGER.warning("%s: not listened for, too many ways to say it: %s", name, (sentence.text or "")[:200])
    return nodes.union(parts)


def _ends(nodes: Nodes, skip_words: Sequence[str]) -> tuple[int, int]:
    """Return the end of every sentence (nothing, or a word that may be skipped), and the same as a courtesy.

    Skipped phrases of several words ("can you") come before a sentence only, but "for me" after it.
    """
    last = [words for words in skip_words if " " not in words or words.startswith(_LAST)]
    once = nodes.union([(nodes.text(f" {words}", GOODBYE), 1.0) for words in last])
    more = nodes.union([(GOODBYE, 1 - AGAIN), (once, AGAIN)])
    after = nodes.union([(nodes.text(f" {words}", more), 1.0) for words in last])
    end, goodbye = (nodes.union([(node, 1 - COURTESY), (after, COURTESY)]) for node in (END, GOODBYE))
    return end, goodbye


class _TooLargeError(Exception):
    pass


class _Templates:
    """Unfolds the templates of one block, whose context, rules and lists may be its own."""

    def __init__(self, nodes: Nodes, sentences: Sentences, data: IntentData, ends: tuple[int, int]) -> None:
        self._nodes = nodes
        self._end, self._goodbye = ends
        self._language = sentences.language
        self._examples = sentences.examples
        self._data = data
        self._rules = {**sentences.intents.expansion_rules, **data.expansion_rules}
        self._lists: dict[str, SlotList] = {**sentences.slot_lists, **data.slot_lists}
        self._built: dict[tuple[int, int], int] = {}
        self._most = 0

    def build(self, template: Expression, most: int) -> int:
        """Return the node where `template` begins; raise `_TooLargeError` when there are more than `most` nodes.

        Optional words at its end that fill no slot ("what time is it [now]") are a courtesy: they change nothing.
        """
        from hassil import expression as tree

        self._most = most
        items = list(template.items) if isinstance(template, tree.Sequence) else [template]
        after, goodbye = self._end, self._goodbye
        while items:
            last = items[-1]
            if (
                isinstance(last, tree.Alternative)
                and last.is_optional
                and _ends_word(items[:-1])
                and self._is_plain(last)
            ):
                said = self._nodes.union(self._usual_first(last.items[:-1], goodbye))
                after, goodbye = (
                    self._nodes.union([(said, OPTIONAL), (rest, 1 - OPTIONAL)]) for rest in (after, goodbye)
                )
                items.pop()
            elif _is_space(last):
                space = items.pop()
                after, goodbye = (self._build(space, rest) for rest in (after, goodbye))
            else:
                break
        for item in reversed(items):
            after = self._build(item, after)
        return after

    def _is_plain(self, expression: Expression) -> bool:
        """Tell whether an expression has no lists, so that it fills no slots."""
        from hassil.expression import Group, ListReference, RuleReference

        match expression:
            case Group(items=items):
                return all(self._is_plain(item) for item in items)
            case RuleReference(rule_name=name):
                return self._is_plain(self._rules[name].expression)
        return not isinstance(expression, ListReference)

    def _is_article(self, expression: Expression) -> bool:
        """Tell whether an expression is nothing but words that mostly are said."""
        from hassil import expression as tree

        match expression:
            case tree.TextChunk(text=text):
                return ARTICLES.issuperset(text.lower().split())
            case tree.Group(items=items):
                return all(self._is_article(item) for item in items)
            case tree.RuleReference(rule_name=name):
                return self._is_article(self._rules[name].expression)
        return False

    def _build(self, expression: Expression, after: int) -> int:
        if after == DEAD:
            return DEAD
        if len(self._nodes) > self._most:
            raise _TooLargeError
        key = (id(expression), after)
        if key not in self._built:
            self._built[key] = self._unfold(expression, after)
        return self._built[key]

    def _unfold(self, expression: Expression, after: int) -> int:
        from hassil import expression as tree

        match expression:
            case tree.TextChunk():
                return self._nodes.text(expression.text, after)
            case tree.Alternative(items=items, is_optional=optional):
                if not optional:
                    return self._nodes.union(self._usual_first(items, after))
                said = self._nodes.union(self._usual_first(items[:-1], after))
                often = ARTICLE if all(self._is_article(item) for item in items[:-1]) else OPTIONAL
                return self._nodes.union([(said, often), (after, 1 - often)])
            case tree.Permutation(items=items):
                return self._permutation(items, after)
            case tree.Group(items=items):
                for item in reversed(items):
                    after = self._build(item, after)
                return after
            case tree.RuleReference(rule_name=name):
                return self._build(self._rules[name].expression, after)
            case tree.ListReference():
                return self._list(expression, after)
        raise EngineError(f"cannot listen for {expression!r}")

    def _usual_first(self, items: Sequence[Expression], after: int) -> list[tuple[int, float]]:
        """Return alternatives as parts of a union: who writes them writes the usual one first (Zipf's law)."""
        return [(self._build(item, after), 1 / place) for place, item in enumerate(items, 1)]

    def _permutation(self, items: Sequence[Expression], after: int) -> int:
        if not items:
            return after
        last = range(len(items))  # what is said last is built first
        parts = [(self._permutation([*items[:i], *items[i + 1 :]], self._build(items[i], after)), 1.0) for i in last]
        return self._nodes.union(parts)

    def _list(self, reference: ListReference, after: int) -> int:
        from hassil.intents import RangeSlotList, TextSlotList

        values = self._lists.get(reference.list_name)
        if values is None and (bounds := reference.get_inline_range()) is not None:
            start, stop, step = bounds
            values = RangeSlotList(name=reference.list_name, start=start, stop=stop, step=step)
        if isinstance(values, RangeSlotList):
            return self._nodes.phrases(_numbers(values, self._language), after)
        if isinstance(values, TextSlotList):
            return self._nodes.union(
                [(self._build(v.text_in, after), 1.0) for v in values.values if fits(self._data, v.context)]
            )
        examples = self._examples.get(reference.list_name, ())
        return self._nodes.phrases([(tuple(text.lower().split()), 1.0) for text in examples], after)


def _is_space(expression: Expression) -> bool:
    text = getattr(expression, "text", None)
    return isinstance(text, str) and not text.strip()


def _ends_word(items: Sequence[Expression]) -> bool:
    """Tell whether what comes after `items` begins a word."""
    text = getattr(items[-1], "text", None) if items else None
    return isinstance(text, str) and text[-1:].isspace()


def _numbers(values: RangeSlotList, language: str) -> list[Phrase]:
    phrases = []
    for number in values.get_numbers():
        if number != int(number):
            weight = 0.05 / (abs(number) + 10)
        else:
            weight = (4.0 if number % 10 == 0 else 2.0 if number % 5 == 0 else 1.0) / (abs(number) + 10)
        ways = ways_to_say(number, (values.words_language or language).partition("_")[0])
        phrases += [(tuple(way.split()), weight / len(ways)) for way in ways]
    return phrases
