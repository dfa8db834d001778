"""One answer of the language model, made piece by piece: the prompt is read, then one token follows the other.

Words are drawn freely, and said. Where the mark of a call stands among them, the rest is drawn by the grammar of the
calls, and the answer ends with the intent that was called; so plain talk pays nothing for the grammar.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.engine import Answering, EngineError, Intent
from models.llama.calls import BEGIN, END, MARK, Calls
from models.llama.context import BATCH, Sampler, Stop, Stopped
from models.llama.memory import Slot, same
from models.llama.text import Saying

if TYPE_CHECKING:
    from models.llama.responder import LlamaResponder

_LOGGER = logging.getLogger(__name__)

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
        self._calls = engine.calls
        self._saying = Saying(MARK if self._calls else "")
        self._calling: bytes | None = None
        """What was written, with the call so far, in UTF-8; None as long as nothing is called."""
        self._called: Intent | None = None
        self._sampler: Sampler | None = None
        self._begun = False
        self._reused = 0
        self._written: list[int] = []
        self._ended = False
        self.afterwards: Callable[[str], None] | None = None
        """What `leave` does with a whole answer."""

    def more(self) -> Intent | str | None:
        """Return what comes next: "" while something is read or called, else the words of about 30 ms; None at the end.

        An intent that is called comes last. A call that is longer than an answer may be is none. None too after
        `cancel`. Raises `EngineError` when llama.cpp fails.
        """
        with self._engine.lock:
            if self._stop.is_set or (self._ended and self._called is None):
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
        if self._ended and self._calling is None and self.afterwards is not None:
            self.afterwards(self._saying.text)

    def cost(self) -> Cost:
        """Return what was worked so far."""
        return Cost(len(self._prompt.tokens), self._reused, len(self._written))

    def _go_on(self) -> Intent | str | None:
        if self._called is not None:
            called, self._called = self._called, None
            return called
        if not self._begun:
            self._begin()
        missing = self._missing()
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
        self._reused, self._begun = engine.hold(slot, tokens, len(tokens) - (not self._unfinished)), True

    def _write(self) -> str | None:
        engine = self._engine
        began = time.monotonic()
        said = ""
        self._sampler = self._sampler or engine.sampler()
        while not self._ended and time.monotonic() - began < _CALL_S:
            if missing := self._missing():
                self._feed(missing)
            token = engine.context.draw(self._sampler)
            if engine.model.ends(token):
                self._ended = True
                break
            first = not self._saying.text
            self._written.append(token)
            self._ended = len(self._written) >= engine.max_tokens
            if self._calls is not None and self._calling is not None:
                self._call(self._calls, self._calling + engine.model.bytes_of(token))
                continue
            said += self._saying.add(engine.model.bytes_of(token))
            if self._calls is not None and self._saying.marked:
                self._begin_call(self._calls)
                break  # what is to be read now may be more than one batch
            if first and said:
                break  # the first word is waited for
        return said if said or self._called is not None or not self._ended else None

    def _missing(self) -> list[int]:
        """Return the tokens that are to be read before the next one can be drawn."""
        held, prompt = len(self._slot.held), self._prompt.tokens
        return prompt[held:] + self._written[max(0, held - len(prompt)) :]

    def _begin_call(self, calls: Calls) -> None:
        """Go on by the grammar, after the first line of a call, whatever tokens its mark was made of."""
        engine, slot, prompt = self._engine, self._slot, self._prompt.tokens
        text = engine.model.without_marks(self._saying.text)
        self._calling = (f"{text}\n{BEGIN}" if text else BEGIN).encode()
        tokens = engine.model.tokens(self._calling.decode())
        kept = min(len(prompt) + same(tokens, self._written), len(slot.held), len(prompt) + len(tokens) - 1)
        slot.held = slot.held[: engine.context.keep(slot.sequence, kept)]
        self._written = tokens
        self._ended = len(tokens) >= engine.max_tokens
        self._sampler = engine.caller(calls)

    def _call(self, calls: Calls, written: bytes) -> None:
        """Take a call that has grown; nothing is done before it is whole."""
        self._calling = written
        if written.endswith(END.encode()):
            self._called, self._ended = calls.read(written.decode()), True
        elif self._ended:
            _LOGGER.warning("a call was not over after %d tokens, and nothing is done", len(self._written))

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
            written = self._saying.text if self._calling is None else self._calling.decode(errors="ignore")
            self._slot.learn((text, tokens), (text + written, tokens + self._written))
