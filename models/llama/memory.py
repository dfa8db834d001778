"""Which tokens stand for a conversation's text, and which of them the context holds already.

A prompt is the one before with the model's answer and what was said next at its end. In it the answer stands as the
tokens that the model wrote, which are not always those that its text would be cut into. Where the house remembers
something else than the model wrote (a skill answered, the answer was interrupted), the text is cut anew from there on,
and as many tokens as are the same from the beginning are still held.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from models.engine import Exchange

Known = tuple[str, list[int]]
"""A text, and the tokens that stand for it."""

_MOST_KNOWN = 8
"""Before the latest: a conversation goes on after its last answer, or a little before it."""


@dataclass(slots=True)
class Slot:
    """The place of one conversation in the context."""

    sequence: int
    """Its number there."""

    held: list[int] = field(default_factory=list)
    """The tokens that the sequence holds."""

    known: list[Known] = field(default_factory=list)
    """Texts of the conversation up to the end of a prompt or of an answer; shortest first."""

    owner: object = None
    """The answer that was made here last."""

    def tokens(self, text: str, *, opening: Callable[[str], list[int]], more: Callable[[str], list[int]]) -> list[int]:
        """Return the tokens of `text`: those known of its beginning, and the rest as `opening` or `more` cut it."""
        for beginning, tokens in reversed(self.known):
            if text.startswith(beginning):
                return tokens + more(text[len(beginning) :])
        return opening(text)

    def learn(self, prompt: Known, answer: Known) -> None:
        """Remember a prompt, and the prompt with what was answered so far; forget what is no beginning of it."""
        before = [known for known in self.known if prompt[0].startswith(known[0]) and known[0] != prompt[0]]
        self.known = [*before[-_MOST_KNOWN:], prompt, answer]


class Slots:
    """A place for each of the conversations that were latest."""

    def __init__(self, count: int) -> None:
        self._slots: OrderedDict[str, Slot] = OrderedDict((f"\0{index}", Slot(index)) for index in range(count))

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def take(self, conversation: str) -> Slot:
        """Return the place of `conversation`: its own, else that of the one longest silent."""
        if conversation in self._slots:
            self._slots.move_to_end(conversation)
            return self._slots[conversation]
        _, slot = self._slots.popitem(last=False)
        slot.known = []
        self._slots[conversation] = slot
        return slot


def same(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many tokens, or characters, are the same from the beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def recent(history: Sequence[Exchange], cost: Callable[[Exchange], int], room: int) -> list[Exchange]:
    """Return the exchanges to remember, at most `room` tokens of them by their `cost`: the latest, each whole.

    Dropping any means that all that follow are worked anew, so when there are too many the older half of the room is
    given up at once, and the next ones find it free. What is dropped follows from the history alone: as it grows, the
    same exchanges stay dropped.
    """
    kept: list[tuple[Exchange, int]] = []
    total = 0
    for exchange in history:
        kept.append((exchange, cost(exchange)))
        total += kept[-1][1]
        if total > room:
            while kept and total > room // 2:
                total -= kept.pop(0)[1]
    return [exchange for exchange, _ in kept]
