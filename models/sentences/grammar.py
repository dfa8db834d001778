"""Everything the house understands, as one automaton over words.

It is the recognizer's language model, and it knows what a list of sentences does not: whether the words so far are a
whole sentence, and whether another sentence goes on from them. `unfolding.py` and `minimizing.py` make it from the
templates.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

Arcs = dict[str, tuple[int, float]]
"""By word, the state that it leads to and how likely it is among all that may come here."""

START = 0


@dataclass(frozen=True)
class Grammar:
    """What may be said, word by word: from every state, a word leads to at most one other, always a later one."""

    arcs: list[Arcs]
    """By state, what may be said next."""

    final: list[float]
    """By state, how likely a sentence ends there; with the arcs' chances this makes 1."""

    courtesies: frozenset[int] = field(default_factory=frozenset)
    """States that only words after a sentence's end lead to, which change nothing ("please")."""

    @cached_property
    def words(self) -> frozenset[str]:
        """All words."""
        return frozenset(word for arcs in self.arcs for word in arcs)

    def follow(self, words: Iterable[str], state: int = START) -> int | None:
        """Return the state that `words` lead to from `state`; None: nothing that is understood begins so."""
        for word in words:
            if word not in self.arcs[state]:
                return None
            state, _ = self.arcs[state][word]
        return state

    def is_complete(self, words: Sequence[str]) -> bool:
        """Tell whether `words` are a sentence."""
        state = self.follow(words)
        return state is not None and self.final[state] > 0

    def may_continue(self, words: Sequence[str]) -> bool:
        """Tell whether a sentence goes on from `words`; what is said out of courtesy at its end does not count."""
        state = self.follow(words)
        return state is not None and any(target not in self.courtesies for target, _ in self.arcs[state].values())

    def log_chance(self, words: Sequence[str]) -> float:
        """Return the natural logarithm of how likely the sentence `words` is among all sentences."""
        state, chance = START, 0.0
        for word in words:
            state, share = self.arcs[state].get(word, (START, 0.0))
            if not share:
                return -math.inf
            chance += math.log(share)
        return chance + math.log(self.final[state]) if self.final[state] else -math.inf

    def filtered(self, keep: Callable[[int, str], bool]) -> Grammar:
        """Return what is left with only those arcs that `keep(state, word)` keeps and that lead to a sentence's end.

        Raises `ValueError` when nothing is left.
        """
        kept = [{word: arc for word, arc in arcs.items() if keep(s, word)} for s, arcs in enumerate(self.arcs)]
        leads = leading_to(
            [[target for target, _ in arcs.values()] for arcs in kept],
            (state for state, chance in enumerate(self.final) if chance > 0),
        )
        if START not in leads:
            raise ValueError("no sentence is left")
        found = {START}
        for state in range(len(kept)):
            if state in found:
                found.update(target for target, _ in kept[state].values() if target in leads)
        places = {state: place for place, state in enumerate(sorted(found))}
        left: list[Arcs] = []
        final: list[float] = []
        for state in places:
            live = {word: arc for word, arc in kept[state].items() if arc[0] in leads}
            total = sum(chance for _, chance in live.values()) + self.final[state]
            left.append({word: (places[target], chance / total) for word, (target, chance) in live.items()})
            final.append(self.final[state] / total)
        return Grammar(left, final, frozenset(places[state] for state in self.courtesies if state in places))

    def sample(self, count: int, seed: int = 0) -> Iterator[list[str]]:
        """Yield `count` sentences, as often as they are likely; the same ones for the same `seed`."""
        rng = random.Random(seed)
        for _ in range(count):
            words: list[str] = []
            state = START
            while (word := self._choose(state, rng.random())) is not None:
                words.append(word)
                state, _ = self.arcs[state][word]
            yield words

    def _choose(self, state: int, chance: float) -> str | None:
        words, bounds = self._shares[state]
        index = bisect(bounds, chance * (bounds[-1] if bounds and not self.final[state] else 1.0))
        return words[index] if index < len(words) else None

    @cached_property
    def _shares(self) -> list[tuple[list[str], list[float]]]:
        """By state, the words, and the upper bounds of their shares of 0 to 1; what is left above them is the end."""
        shares = []
        for arcs in self.arcs:
            total = 0.0
            shares.append((list(arcs), [total := total + chance for _, chance in arcs.values()]))
        return shares


def leading_to(targets: Sequence[Iterable[int]], goals: Iterable[int]) -> set[int]:
    """Return the states from which one of the states `goals` can be reached, with them; `targets` are by state."""
    before: list[list[int]] = [[] for _ in targets]
    for state, onward in enumerate(targets):
        for target in onward:
            before[target].append(state)
    found = set(goals)
    queue = list(found)
    for state in queue:
        new = set(before[state]) - found
        found |= new
        queue.extend(new)
    return found
