"""The neural responder: a chat model in GGUF, run by llama.cpp.

Nothing is worked twice. The system prompt is read once, at the start; of each of the latest conversations the context
holds what was read and written, so that of a prompt only what was said last is new (`models.llama_memory`). Facts of
the moment, such as the time, belong to what was said, at the end, where they change nothing that went before. While a
text is unfinished, its beginning can be read already.

llama.cpp releases the interpreter's lock. Run it in a process of its own all the same: it maps and allocates much, and
faults in native code end the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from models.cores import Cores
from models.engine import Answering, BadInput, EngineError, Exchange, Responder
from models.llama_context import BATCH, LlamaContext, Sampler, Stop, Stopped
from models.llama_memory import Slot, Slots, recent, same
from models.llama_model import LlamaModel
from models.llama_template import Continuation, template_of
from models.llama_text import Saying

_LOGGER = logging.getLogger(__name__)

_CALL_S = 0.03
"""A call that writes takes about so long: the call itself costs some 0.3 ms."""

_QUESTION = 4
"""One part in so many of the room for prompts is kept free for what is said next."""


class LlamaResponder(Responder):
    """The engine. Loading it maps the weights, reads the system prompt and writes one token.

    Answers are made one at a time: where several are open, each call waits for the call of another.
    """

    concurrent = True
    """An answer can be cancelled while a call of it runs."""

    def __init__(
        self,
        path: Path,
        *,
        system_prompt: str = "",
        languages: Sequence[str] = ("en",),
        context_tokens: int = 2048,
        conversations: int = 4,
        max_tokens: int = 256,
        temperature: float = 0.3,
        threads: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Load `path`; raise `EngineError`.

        The context holds `conversations` of at most `context_tokens` each (less where the model was trained on less),
        an answer has at most `max_tokens`. `temperature` 0 writes the likeliest; `seed` repeats the draws of others.
        `threads` None: by the free cores, looked at before each answer.
        """
        self.name, self.version = path.stem, metadata.version("llama_cpp_python")
        self.languages = list(languages)
        self._cores = Cores()
        self.model = LlamaModel(path)
        self.template = template_of(self.model.chat_template, bos=self.model.bos, eos=self.model.eos, model=path.name)
        if isinstance(self.template, Continuation):
            _LOGGER.info(
                "%s has no chat template: it goes on with what is said to it, without memory or system prompt",
                self.name,
            )
        tokens = min(context_tokens, self.model.trained_tokens or context_tokens)
        self.context = LlamaContext(self.model, sequences=conversations, tokens=tokens)
        self.max_tokens = min(max_tokens, self.context.room // 2)
        self._slots = Slots(conversations)
        self.lock = threading.Lock()
        self._system_prompt = self.model.without_marks(system_prompt)
        self._temperature, self._seed, self._threads = temperature, seed, threads
        model = self.model  # not `self`, which nothing shall keep but its owner
        self._count = lru_cache(1024)(lambda text: len(model.tokens(text)))
        self._room = self.context.room - self.max_tokens
        self._around = self._cost_of_markup()
        self._fixed = self._read_system_prompt()

    def open(
        self,
        *,
        text: str,
        history: Sequence[Exchange] = (),
        conversation: str = "",
        facts: str = "",
        unfinished: bool = False,
    ) -> LlamaAnswering:
        """Return the answer; raise `BadInput` for a text that is too long for the model."""
        clean = self.model.without_marks
        last = Exchange(clean(text), "", clean(facts))
        exchanges = [Exchange(clean(one.text), clean(one.answer), clean(one.facts)) for one in history]
        with self.lock:
            slot = self._slots.take(conversation)
            prompt = self._prompt(slot, exchanges, last)
            if unfinished:
                prompt = self._beginning(slot, prompt, last)
            slot.owner = answering = LlamaAnswering(self, slot, prompt, unfinished=unfinished)
            return answering

    def _prompt(self, slot: Slot, history: list[Exchange], last: Exchange) -> _Prompt:
        """Return what is to be read, with as much of the history as there is room for."""
        question = self._cost(last)
        kept = recent(history, self._cost, self._room - self._fixed - max(question, self._room // _QUESTION))
        while True:
            text = self.template.render(self._system_prompt, kept, last)
            tokens = slot.tokens(text, opening=self.model.opening, more=self.model.tokens)
            if not tokens:
                raise BadInput("the text is empty; say something")
            if len(tokens) <= self._room:
                return _Prompt(text, tokens)
            if not kept:
                room = self._room - self._fixed
                raise BadInput(
                    f"the text has {question} tokens, and {self.name} has room for {room}; ask something shorter"
                )
            kept = kept[1:]

    def _beginning(self, slot: Slot, prompt: _Prompt, last: Exchange) -> _Prompt:
        """Return what a prompt begins with, however the last text goes on: a last word may become another token."""
        end = prompt.text.rfind(last.told) + len(last.told)
        text = prompt.text[:end] if last.told and end >= len(last.told) else ""
        return _Prompt(text, slot.tokens(text, opening=self.model.opening, more=self.model.tokens)[:-1])

    def _cost(self, exchange: Exchange) -> int:
        """Return the tokens that an exchange takes in a prompt."""
        return self._count(exchange.told) + self._count(exchange.answer) + self._around

    def _cost_of_markup(self) -> int:
        """Return how many tokens the template puts around an exchange."""
        one, last = Exchange("a", "b"), Exchange("c", "")
        lengths = [len(self.model.tokens(self.template.render("", history, last))) for history in ([one], [one, one])]
        return max(0, lengths[1] - lengths[0] - 2)

    def _read_system_prompt(self) -> int:
        """Let every sequence hold what all prompts begin with, and see whether the model works; return its tokens.

        Faults in native code happen here, at the start, where they can be told of, and not to the first who asks.
        """
        one, other = (self.template.render(self._system_prompt, [], Exchange(text, "")) for text in ("A", "B"))
        tokens = self.model.opening(one[: same(one, other)]) or self.model.opening("a")
        if len(tokens) > self._room // 2:
            raise EngineError(
                f"the system prompt has {len(tokens)} tokens; {self.name} has room for {self._room // 2}"
                f" beside a conversation of {self.context.room}"
            )
        self.set_threads()
        stop = Stop()
        for start in range(0, len(tokens), BATCH):
            self.context.read(0, start, tokens[start : start + BATCH], stop)
        written = self.context.draw(Sampler(self.model, temperature=0, seed=None))
        self.context.read(0, len(tokens), [written], stop)
        held = tokens[: self.context.keep(0, len(tokens))]
        for slot in self._slots:
            slot.held = list(held)
            if slot.sequence:
                self.context.copy(0, slot.sequence)
        return len(tokens)

    def set_threads(self) -> None:
        """Work with as many threads as there are cores for now."""
        self.context.use_threads(self._threads or self._cores.threads())

    def sampler(self) -> Sampler:
        """Return what draws the tokens of one answer."""
        return Sampler(self.model, temperature=self._temperature, seed=self._seed)


@dataclass(frozen=True, slots=True)
class _Prompt:
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

    def __init__(self, engine: LlamaResponder, slot: Slot, prompt: _Prompt, *, unfinished: bool) -> None:
        self._engine, self._slot, self._prompt = engine, slot, prompt
        self._unfinished = unfinished
        self._stop = Stop()
        self._saying = Saying()
        self._sampler: Sampler | None = None
        self._begun = False
        self._reused = 0
        self._written: list[int] = []
        self._ended = False

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


def open_llama(*, model: str, **options: Any) -> LlamaResponder:
    """Load the model at the path `model`, for a worker process to be told by name; `options` as of `LlamaResponder`."""
    return LlamaResponder(Path(model), **options)
