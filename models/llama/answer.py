"""One answer of the language model, made piece by piece: the prompt is read, then one token follows the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.engine import Answering, EngineError
from models.llama.context import BATCH, Sampler, Stop, Stopped
from models.llama.memory import Slot, same
from models.llama.text import Saying

if TYPE_CHECKING:
    from models.llama.responder import LlamaResponder

_CALL_S = 0.03
"""A call that writes takes about so long: the call itself costs some 0.3 ms."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is to go on from."""

    text: str
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer took, in tokens."""

    prompt: int
    reused: int
    """Of the prompt, those that were held already."""

    written: int


class LlamaAnswering(Answering):
    """One answer, or the reading of a text that is not finished."""

    def __init__(self, engine: LlamaResponder, slot: Slot, prompt: Prompt, *, unfinished: bool) -> None:
        self._engine, self._slot, self._prompt = engine, slot, prompt
        self._unfinished = unfinished
        self._stop = Stop()
        self._saying = Saying()
        self._sampler: Sampler | None = None
        self._begun = False
        self._reused = 0
        self._written: list[int] = []
        self._ended = False
        self.afterwards: Callable[[str], None] | None = None
        """What `leave` does with a whole answer."""

    def more(self) -> str | None:
        """Return what comes next: "" while the prompt is read, then the words of about 30 ms, None at the end.

        None too after `cancel`. Raises `EngineError` when llama.cpp fails.
        """
        with self._engine.lock:
            if self._ended or self._stop.is_set:
                return None
            if self._slot.owner is not self:
                raise EngineError(
                    "the conversation has gone on with something else, which took the place of this answer"
                )
            try:
                return self._go_on()
            except Stopped:
                return None
            finally:
                self._learn()

    def cancel(self) -> None:
        """End the answer within some milliseconds, whatever it is doing; from any thread."""
        self._stop.set()

    def leave(self) -> None:
        """Prepare for the next text, where this one was answered to its end; nobody waits for it."""
        if self._ended and self.afterwards is not None:
            self.afterwards(self._saying.text)

    def cost(self) -> Cost:
        """Return what was worked so far."""
        return Cost(len(self._prompt.tokens), self._reused, len(self._written))

    def _go_on(self) -> str | None:
        if not self._begun:
            self._begin()
        missing = self._prompt.tokens[len(self._slot.held) :] if not self._written else []
        if missing:
            self._feed(missing[:BATCH])
        if len(missing) > BATCH:
            return ""
        if self._unfinished:
            self._ended = True
            return None
        return self._write()

    def _begin(self) -> None:
        """Keep what is held of the prompt; its last token is always read, since the answer is drawn after it."""
        engine, slot, tokens = self._engine, self._slot, self._prompt.tokens
        engine.set_threads()
        most = min(same(tokens, slot.held), len(tokens) - (not self._unfinished))
        slot.held = tokens[: engine.context.keep(slot.sequence, most)]
        self._reused, self._begun = len(slot.held), True

    def _write(self) -> str | None:
        engine = self._engine
        began = time.monotonic()
        said = ""
        self._sampler = self._sampler or engine.sampler()
        while not self._ended and time.monotonic() - began < _CALL_S:
            if self._written:
                self._feed(self._written[-1:])
            token = engine.context.draw(self._sampler)
            if engine.model.ends(token):
                self._ended = True
                break
            first = not self._saying.text
            said += self._saying.add(engine.model.bytes_of(token))
            self._written.append(token)
            self._ended = len(self._written) == engine.max_tokens
            if first and said:
                break  # the first word is waited for
        return said if said or not self._ended else None

    def _feed(self, tokens: list[int]) -> None:
        """Let the context read what follows; where that fails or is stopped, it holds what it held."""
        context, slot = self._engine.context, self._slot
        try:
            context.read(slot.sequence, len(slot.held), tokens, self._stop)
        except BaseException:
            slot.held = slot.held[: context.keep(slot.sequence, len(slot.held))]
            raise
        slot.held += tokens

    def _learn(self) -> None:
        if not self._unfinished:
            text, tokens = self._prompt.text, self._prompt.tokens
            self._slot.learn((text, tokens), (text + self._saying.text, tokens + self._written))
