"""What was said lately, by the id that a client gives its conversation."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from models.engine import Exchange, Intent

MOST = 256
"""Conversations that are remembered; with one more, the one longest silent is forgotten."""

MOST_EXCHANGES = 8
"""Of each, the latest."""

SILENT_S = 300.0
"""After so long a conversation is over, as with Home Assistant's sessions."""


@dataclass(slots=True)
class Conversation:
    """What one conversation has come to."""

    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=MOST_EXCHANGES))
    """Oldest first."""

    intent: Intent | None = None
    """What was last wanted."""

    @property
    def last_answer(self) -> str | None:
        """What the house said last."""
        return self.exchanges[-1].answer if self.exchanges else None


class Conversations:
    """A bounded memory of conversations."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Conversation]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, name: str) -> Conversation:
        """Return the conversation of this id, a new one where it is unknown or over."""
        now = self._clock()
        while self._known and now - next(iter(self._known.values()))[0] >= SILENT_S:
            self._known.popitem(last=False)
        _, conversation = self._known.pop(name, (now, None))
        conversation = conversation or Conversation()
        self._known[name] = (now, conversation)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return conversation
