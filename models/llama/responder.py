"""The neural responder: a chat model in GGUF, run by llama.cpp.

Nothing is worked twice. The system prompt is read once, at the start, and from the first change on where the house
changes. Of each of the latest conversations the context holds what was read and written, so that of a prompt only what
was said last is new (`models.llama.memory`). Facts of the moment, such as the time, belong to what was said, at the
end, where they change nothing that went before. While a text is unfinished, its beginning can be read already; and
after an answer, while it is said aloud, what stands before the next text, whatever that will be.

llama.cpp releases the interpreter's lock. Run it in a process of its own all the same: it maps and allocates much, and
faults in native code end the process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from models.cores import Cores
from models.engine import BadInput, EngineError, Exchange, Responder
from models.llama.answer import LlamaAnswering, Prompt
from models.llama.calls import ONLY_TALKS, Calls
from models.llama.context import BATCH, LlamaContext, Sampler, Stop
from models.llama.memory import Slot, Slots, recent, same
from models.llama.model import LlamaModel
from models.llama.template import Continuation, Template, template_of
from models.sentences.house import House

_LOGGER = logging.getLogger(__name__)

_STATE_BYTES = 512 << 20
"""For what is held: four conversations of 2048 tokens are 188 MB with SmolLM2-135M, one with SmolLM2-1.7B 400."""

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
        actions: House | None = None,
        languages: Sequence[str] = ("en",),
        context_tokens: int = 2048,
        conversations: int = 4,
        max_tokens: int = 256,
        temperature: float = 0.3,
        threads: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Load `path`; raise `EngineError`.

        The context holds `conversations` (fewer where they need more than 512 MiB) of at most `context_tokens` each
        (less where the model was trained on less); in the house `actions` it may call intents, where it can chat and
        there is room to tell it of them; an answer has at most `max_tokens`. `temperature` 0 writes the
        likeliest, `seed` repeats the draws of others. `threads` None: by the free cores, looked at before each answer.
        """
        self._cores = Cores()
        self.model = LlamaModel(path)
        self.name, self.version = path.stem, metadata.version("llama_cpp_python")
        self.languages = list(languages)
        tokens = min(context_tokens, self.model.trained_tokens or context_tokens)
        most = _STATE_BYTES // max(1, tokens * self.model.state_bytes)
        conversations = max(1, min(conversations, most))
        self.context = LlamaContext(self.model, sequences=conversations, tokens=tokens)
        self.max_tokens = min(max_tokens, self.context.room // 2)
        self._slots = Slots(conversations)
        self.lock = threading.Lock()
        self._ahead: LlamaAnswering | None = None
        self._temperature, self._seed, self._threads = temperature, seed, threads
        model = self.model  # not `self`, which nothing shall keep but its owner
        self._count = lru_cache(1024)(lambda text: len(model.tokens(text)))
        self._room = self.context.room - self.max_tokens
        self._most_fixed = self._room // 2
        self.calls: Calls | None = None
        """What it may do; None: it only talks."""
        self.template: Template = Continuation()
        self._system_prompt = ""
        self._around = self._fixed = 0
        self._settle(system_prompt, actions)
        self._read_system_prompt()

    def learn(self, *, system_prompt: str, actions: House | None = None) -> None:
        """Be told anew what the engine was loaded with, and read what is new of it, until somebody asks.

        Answers that are being made go on as they began. Raises `EngineError` where there is no room; all is as before
        then.
        """
        with self.lock:
            before = self.template, self._system_prompt, self.calls, self._around, self._fixed
            try:
                self._settle(system_prompt, actions)
            except EngineError:
                self.template, self._system_prompt, self.calls, self._around, self._fixed = before
                raise
        self._read_ahead("", [])

    def open(
        self,
        *,
        text: str,
        history: Sequence[Exchange] = (),
        conversation: str = "",
        facts: str = "",
        unfinished: bool = False,
    ) -> LlamaAnswering:
        """Return the answer; raise `BadInput` for a text that is too long for the model, or empty and not unfinished.

        What is being read ahead stops for it.
        """
        if self._ahead is not None:
            self._ahead.cancel()
        clean = self.model.without_marks
        last = Exchange(clean(text), "", clean(facts))
        # What was written by the grammar has no marks but those that belong there.
        exchanges = [Exchange(clean(one.text), clean(one.answer), clean(one.facts), one.written) for one in history]
        with self.lock:
            slot = self._slots.take(conversation)
            prompt = self._beginning(slot, exchanges, last) if unfinished else self._prompt(slot, exchanges, last)
            slot.owner = answering = LlamaAnswering(self, slot, prompt, unfinished=unfinished)
            if conversation and not unfinished:
                answering.afterwards = lambda said: self._read_ahead(
                    conversation, [*exchanges, replace(last, answer=said)]
                )
            return answering

    def _settle(self, persona: str, actions: House | None) -> None:
        """Choose the template and the system prompt: who speaks and, where there is room for it, what it may do.

        Raises `EngineError` where there is no room.
        """
        self._choose(self.model.without_marks(persona), None if actions is None else Calls(actions))
        self._around = self._cost_of_markup()
        self._fixed = len(self._prefix())
        if self._fixed > self._most_fixed:
            raise EngineError(
                f"the system prompt has {self._fixed} tokens; {self.name} has room for {self._most_fixed}"
                f" beside a conversation of {self.context.room}"
            )

    def _choose(self, persona: str, calls: Calls | None) -> None:
        self.calls = None
        self.template, self._system_prompt = self._template([] if calls is None else calls.tools), persona
        if isinstance(self.template, Continuation):
            _LOGGER.info(
                "%s has no chat template: it goes on with what is said to it, without memory or system prompt",
                self.name,
            )
            return
        if calls is None:
            return
        self._system_prompt = f"{persona}\n{calls.told(by_template=self.template.tells_of_tools)}"
        if self.template.tells_of_tools and len(self._prefix()) > self._most_fixed:
            self.template = self._template([])  # fewer words
            self._system_prompt = f"{persona}\n{calls.told(by_template=False)}"
        if (needed := len(self._prefix())) <= self._most_fixed:
            self.calls = calls
            self.caller(calls)  # whether llama.cpp reads the grammar is known now
            return
        _LOGGER.warning(
            "%s only talks: with what it may do, the system prompt has %d tokens, over %d; raise --context-tokens",
            self.name,
            needed,
            self._most_fixed,
        )
        self._system_prompt = f"{persona} {ONLY_TALKS}"

    def _template(self, tools: Sequence[dict[str, Any]]) -> Template:
        model = self.model
        return template_of(model.chat_template, bos=model.bos, eos=model.eos, model=model.path.name, tools=tools)

    def _prefix(self) -> list[int]:
        """Return the tokens that all prompts begin with."""
        one, other = (self.template.render(self._system_prompt, [], Exchange(text, "")) for text in ("A", "B"))
        return self.model.opening(one[: same(one, other)]) or self.model.opening("a")

    def _read_ahead(self, conversation: str, history: list[Exchange]) -> None:
        """Read what stands before the next text of a conversation, until the engine is asked for anything."""
        with suppress(EngineError):  # the next text will meet it too, and its answer tells
            self._ahead = reading = self.open(text="", history=history, conversation=conversation, unfinished=True)
            while reading.more() is not None:
                pass

    def _prompt(self, slot: Slot, history: list[Exchange], last: Exchange) -> Prompt:
        """Return what is to be read, with as much of the history as there is room for."""
        question = self._cost(last)
        kept = recent(history, self._cost, self._room - self._fixed - max(question, self._room // _QUESTION))
        while True:
            text = self.template.render(self._system_prompt, kept, last)
            tokens = slot.tokens(text, opening=self.model.opening, more=self.model.tokens)
            if not tokens:
                raise BadInput("the text is empty; say something")
            if len(tokens) <= self._room:
                return Prompt(text, tokens)
            if not kept:
                room = self._room - self._fixed
                raise BadInput(
                    f"the text has {question} tokens, and {self.name} has room for {room}; ask something shorter"
                )
            kept = kept[1:]

    def _beginning(self, slot: Slot, history: list[Exchange], last: Exchange) -> Prompt:
        """Return what a prompt begins with, however the last text goes on: a last word may become another token."""
        if not last.told:
            one, other = (self._prompt(slot, history, Exchange(text, "")) for text in ("A", "B"))
            return Prompt("", one.tokens[: same(one.tokens, other.tokens)])
        prompt = self._prompt(slot, history, last)
        end = prompt.text.rfind(last.told) + len(last.told)
        text = prompt.text[:end] if end >= len(last.told) else ""
        return Prompt(text, slot.tokens(text, opening=self.model.opening, more=self.model.tokens)[:-1])

    def _cost(self, exchange: Exchange) -> int:
        """Return the tokens that an exchange takes in a prompt."""
        return self._count(exchange.told) + self._count(exchange.answered) + self._around

    def _cost_of_markup(self) -> int:
        """Return how many tokens the template puts around an exchange."""
        one, last = Exchange("a", "b"), Exchange("c", "")
        lengths = [len(self.model.tokens(self.template.render("", history, last))) for history in ([one], [one, one])]
        return max(0, lengths[1] - lengths[0] - 2)

    def _read_system_prompt(self) -> None:
        """Let every sequence hold what all prompts begin with, and see whether the model works.

        Faults in native code happen here, at the start, where they can be told of, and not to the first who asks.
        """
        tokens = self._prefix()
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

    def hold(self, slot: Slot, tokens: list[int], most: int) -> int:
        """Let `slot` hold as many of the first `most` of `tokens` as it, or another one, holds; return how many.

        What all prompts begin with was perhaps read for another conversation; to copy it is no work.
        """
        nearest = max(self._slots, key=lambda one: same(tokens, one.held))
        if same(tokens, nearest.held) >= same(tokens, slot.held) + BATCH:
            self.context.copy(nearest.sequence, slot.sequence)
            slot.held = list(nearest.held)
        kept: int = self.context.keep(slot.sequence, min(most, same(tokens, slot.held)))
        slot.held = tokens[:kept]
        return kept

    def set_threads(self) -> None:
        """Work with as many threads as there are cores for now."""
        self.context.use_threads(self._threads or self._cores.threads())

    def sampler(self) -> Sampler:
        """Return what draws the tokens of one answer."""
        return Sampler(self.model, temperature=self._temperature, seed=self._seed)

    def caller(self, calls: Calls) -> Sampler:
        """Return what draws the tokens of one call: the likeliest."""
        return Sampler(self.model, temperature=0, seed=None, grammar=calls.grammar)


def open_llama(*, model: str, **options: Any) -> LlamaResponder:
    """Load the model at the path `model`, for a worker process to be told by name; `options` as of `LlamaResponder`."""
    return LlamaResponder(Path(model), **options)
