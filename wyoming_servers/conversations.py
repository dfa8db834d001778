"""What was said lately, by the id that a client gives its conversation."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from models.engine import Exchange, Intent

MOST = 256
"""Conversations that are remembered; with one more, the one longest silent is forgotten."""

MOST_EXCHANGES = 32
"""Of each. With one more the older half is forgotten: a language model reads anew what follows something forgotten, so
that is done seldom, and not with every exchange."""

SILENT_S = 300.0
"""After so long a conversation is over, as with Home Assistant's sessions."""


@dataclass(slots=True)
class Conversation:
    """What one conversation has come to."""

    exchanges: list[Exchange] = field(default_factory=list)
    """Oldest first."""

    intent: Intent | None = None
    """What was last wanted."""

    @property
    def last_answer(self) -> str | None:
        """What the house said last."""
        return self.exchanges[-1].answer if self.exchanges else None

    def remember(self, exchange: Exchange) -> None:
        """Add what was said and answered."""
        self.exchanges.append(exchange)
        if len(self.exchanges) > MOST_EXCHANGES:
            del self.exchanges[: MOST_EXCHANGES // 2]

    def heard(self, last_reply: str) -> None:
        """Forget what was answered after `last_reply`, the last that was said aloud: nobody heard it.

        Where that was none of the answers here, somebody else said it, and nothing is forgotten.
        """
        for index, exchange in reversed(list(enumerate(self.exchanges))):
            if exchange.answer == last_reply:
                del self.exchanges[index + 1 :]
                return


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
