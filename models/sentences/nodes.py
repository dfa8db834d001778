"""What may still be said: pieces of text, and what may follow each, with endings that are equal kept once.

A piece need not be a whole word ("light", then perhaps "s"), so that templates can be put together as they are written;
`Nodes.network` joins the pieces to words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from models.sentences.minimizing import Network, TooMuchToHear

_Node = dict[tuple[str, int], float]
"""Chances by what is said next, a piece of text, and the node that it leads to."""

DEAD = 0
"""The node after which nothing is a sentence."""

END = 1
"""The node after a sentence."""

GOODBYE = 2
"""The node after a sentence that ended with words that change nothing."""

_FINAL = ("", -1)
_FINAL_COURTESY = ("", -2)
_MOST_SPELLED = 3_000_000
"""Steps to join pieces to words: `[a][b][c]...` makes twice as many words with every part."""

_TOO_MANY = "the sentences are too many to be listened for: leave some out, or make ranges smaller"

_SPACE = " "
"""The piece that ends a word."""

_LEAST = 1e-9
"""Chances are rounded to this, so that sums of floats do not tell equal endings apart."""

Phrase = tuple[tuple[str, ...], float]
"""Words and their weight."""


class Nodes:
    """The nodes so far, each of them once."""

    def __init__(self, most: int) -> None:
        """Hold up to `most` nodes."""
        self._most = most
        self._nodes: list[_Node] = [{}, {_FINAL: 1.0}, {_FINAL_COURTESY: 1.0}]
        self._known: dict[frozenset[tuple[tuple[str, int], float]], int] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, node: int) -> _Node:
        return self._nodes[node]

    def add(self, edges: _Node) -> int:
        """Return the node with `edges`; raise `TooMuchToHear` when there are too many nodes."""
        if not edges:
            return DEAD
        key = frozenset(edges.items())
        found = self._known.get(key)
        if found is None:
            if len(self._nodes) >= self._most:
                raise TooMuchToHear(_TOO_MANY)
            found = self._known[key] = len(self._nodes)
            self._nodes.append(edges)
        return found

    def union(self, parts: Sequence[tuple[int, float]]) -> int:
        """Return a node from which any of `parts`, nodes with weights, goes on."""
        live = [(node, weight) for node, weight in parts if node != DEAD]
        total = sum(weight for _, weight in live)
        edges: _Node = defaultdict(float)
        for node, weight in live:
            for edge, chance in self._nodes[node].items():
                edges[edge] += chance * weight / total
        return self.add({edge: max(_LEAST, round(chance, 9)) for edge, chance in edges.items()})

    def text(self, text: str, after: int) -> int:
        """Return the node where `text` begins and after which `after` follows; hyphens and underscores are spaces."""
        for piece in reversed(re.findall(r"[\s_-]+|[^\s_-]+", text.lower())):
            if after != DEAD:
                after = self.add({(_SPACE if piece[0] in " \t\n_-" else piece, after): 1.0})
        return after

    def phrases(self, phrases: Iterable[Phrase], after: int) -> int:
        """Return alternatives of words; those that begin with the same words share them."""
        rest: dict[str, list[Phrase]] = defaultdict(list)
        parts: list[tuple[int, float]] = []
        for words, weight in phrases:
            if words:
                rest[words[0]].append((words[1:], weight))
            else:
                parts.append((after, weight))
        for word, ways in rest.items():
            ends = [(after, weight) for words, weight in ways if not words]
            longer = [(words, weight) for words, weight in ways if words]
            if longer:
                more = self.add({(_SPACE, self.phrases(longer, after)): 1.0})
                ends.append((more, sum(weight for _, weight in longer)))
            parts.append((self.add({(word, self.union(ends)): 1.0}), sum(weight for _, weight in ways)))
        return self.union(parts)

    def network(self, start: int) -> Network:
        """Join the pieces of text to words; raise `TooMuchToHear` when there are too many of them."""
        steps = 0
        places = {start: 0}
        queue = [start]
        arcs: list[list[tuple[str, int, float]]] = []
        final: list[float] = []
        courteous: list[float] = []
        for node in queue:
            words: dict[tuple[str, int], float] = defaultdict(float)
            ends = {_FINAL: 0.0, _FINAL_COURTESY: 0.0}
            stack = [(node, "", 1.0)]
            while stack:
                here, word, chance = stack.pop()
                if (steps := steps + 1) > _MOST_SPELLED:
                    raise TooMuchToHear(_TOO_MANY)
                for (piece, target), share in self._nodes[here].items():
                    if piece and piece != _SPACE:
                        stack.append((target, word + piece, chance * share))
                    elif piece and not word:
                        stack.append((target, "", chance * share))
                    elif word:
                        ended = {-1: END, -2: GOODBYE}.get(target, target)
                        words[word, ended] += chance * share
                    else:
                        ends[piece, target] += chance * share
            for _, target in words:
                if target not in places:
                    places[target] = len(queue)
                    queue.append(target)
            arcs.append([(word, places[target], chance) for (word, target), chance in words.items()])
            final.append(ends[_FINAL])
            courteous.append(ends[_FINAL_COURTESY])
        return Network(arcs, final, courteous)
