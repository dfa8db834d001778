"""What llama.cpp has read: the keys and values of the tokens of a few conversations, which need not be worked again.

Each conversation is a sequence with cells of its own: one token's attention costs as much as its own conversation is
long, whatever the others are, and none can take another's room. (With one buffer for all, a token attends over
everybody's cells and throws the result away.)
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

from models.engine import EngineError
from models.llama.model import LlamaModel

BATCH = 128
"""Tokens that are worked at once. Of SmolLM2-135M on one core: 16 at a time make 220 tokens/s, 64 400, 128 490, 512 no
more; the buffers for what is worked at once grow with it."""

_ABORTED = 2
"""`llama_decode`'s status"""


class Stopped(Exception):
    """The work was stopped by its `Stop`; a part of it may be done."""


class Stop:
    """Ends a batch that is being worked, from another thread.

    llama.cpp asks a C function between operations, 900 times a token of a small model, whether to stop. One written in
    Python would cost more than a tenth of the time; `strlen` of a buffer that is empty until `set` says the same.
    """

    asks = ctypes.CDLL(None).strlen

    def __init__(self) -> None:
        self.buffer = ctypes.create_string_buffer(2)

    def set(self) -> None:
        """Stop within some milliseconds."""
        self.buffer[0] = b"\x01"

    @property
    def is_set(self) -> bool:
        """Whether it was set."""
        return self.buffer[0] != b"\x00"


class LlamaContext:
    """The sequences, numbered from 0, each with room for `tokens`.

    Not for two threads at once.
    """

    def __init__(self, model: LlamaModel, *, sequences: int, tokens: int) -> None:
        """Make room; raise `EngineError` where there is not enough memory."""
        self._api: Any = model.api
        self._model = model
        parameters = self._api.llama_context_default_params()
        parameters.n_ctx = sequences * tokens
        parameters.n_seq_max = sequences
        parameters.kv_unified = False
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_threads = parameters.n_threads_batch = 1
        parameters.no_perf = True
        self._context: Any = self._api.llama_init_from_model(model.handle, parameters)
        if not self._context:
            raise EngineError(
                f"no room for {sequences} conversations of {tokens} tokens with {model.path}: {model.complaint()}"
            )
        self.room = int(self._api.llama_n_ctx_seq(self._context))
        """Tokens of each sequence."""
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = self._api.llama_batch_init(BATCH, 0, 1)
        self._asks = ctypes.cast(Stop.asks, self._api.ggml_abort_callback)

    def use_threads(self, count: int) -> None:
        """Work with `count` threads from now on."""
        self._api.llama_set_n_threads(self._context, count, count)

    def keep(self, sequence: int, count: int) -> int:
        """Forget all but the first `count` tokens of a sequence; return how many it really holds now.

        That is `count`, or 0 with a model whose state cannot be cut (recurrent ones).
        """
        if self._api.llama_memory_seq_rm(self._memory, sequence, count, -1):
            return count
        self._api.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return 0

    def copy(self, source: int, target: int) -> None:
        """Let `target` hold what `source` holds."""
        self._api.llama_memory_seq_rm(self._memory, target, -1, -1)
        self._api.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def read(self, sequence: int, start: int, tokens: Sequence[int], stop: Stop) -> None:
        """Work `tokens` (1 to `BATCH`), which follow the first `start` of the sequence; what comes next can be drawn.

        Raises `Stopped` when `stop` was set meanwhile, `EngineError` when llama.cpp fails; `keep` what was there then.
        """
        batch = self._batch
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = start + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = 0
        batch.logits[len(tokens) - 1] = 1
        batch.n_tokens = len(tokens)
        asked_of = ctypes.cast(stop.buffer, ctypes.c_void_p)
        self._api.llama_set_abort_callback(self._context, self._asks, asked_of)
        status = self._api.llama_decode(self._context, batch)
        if status == 0:
            return
        if status == _ABORTED:
            raise Stopped
        raise EngineError(f"llama.cpp failed at token {start} of a conversation ({status}): {self._model.complaint()}")

    def draw(self, sampler: Sampler) -> int:
        """Return the next token after what was read last."""
        return sampler.draw(self._context)

    def __del__(self) -> None:
        if self._context:
            self._api.llama_batch_free(self._batch)
            self._api.llama_free(self._context)  # before the model, which is kept until then


class Sampler:
    """Draws tokens: the likelier ones among the likeliest, or always the likeliest where `temperature` is 0."""

    _TOP_K, _TOP_P = 40, 0.9
    _REPEAT, _LAST = 1.1, 64
    """Small models go round in circles: what was among the last 64 tokens is less likely by this factor."""

    def __init__(self, model: LlamaModel, *, temperature: float, seed: int | None, grammar: str | None = None) -> None:
        """`seed` makes the draws repeatable; None: chance. With a `grammar` (GBNF), only what it allows is drawn.

        Raises `EngineError` for a grammar that llama.cpp cannot read.
        """
        self._api = api = model.api
        self._temperature, self._seed = temperature, seed
        self._free = self._bound = None
        self._grammar = None if grammar is None else model.grammar(grammar)
        # What is written by a grammar repeats itself rightly.
        repeats = [] if grammar else [api.llama_sampler_init_penalties(model.size, self._LAST, self._REPEAT, 0.0, 0.0)]
        self._free = self._chain(api.llama_sampler_init_top_k(self._TOP_K), *repeats)
        self._bound = self._chain(self._grammar, api.llama_sampler_init_top_k(self._TOP_K)) if grammar else None

    def draw(self, context: Any) -> int:
        """Return the next token after what llama.cpp's `context` has read last."""
        api = self._api
        token = int(api.llama_sampler_sample(self._free, context, -1))
        if self._grammar is None:
            return token
        # A grammar that chooses looks at every token that there is, for 5 to 50 ms; mostly it need only agree.
        one = api.llama_token_data(token, 0.0, 0.0)
        api.llama_sampler_apply(self._grammar, api.llama_token_data_array(ctypes.pointer(one), 1, -1, False))
        if one.logit == -math.inf:
            return int(api.llama_sampler_sample(self._bound, context, -1))
        api.llama_sampler_accept(self._grammar, token)
        return token

    def _chain(self, *parts: Any) -> Any:
        """Return a sampler of `parts`, which it owns, and of what draws at last."""
        api = self._api
        if self._temperature > 0:
            last = [
                api.llama_sampler_init_top_p(self._TOP_P, 1),
                api.llama_sampler_init_temp(self._temperature),
                api.llama_sampler_init_dist(api.LLAMA_DEFAULT_SEED if self._seed is None else self._seed),
            ]
        else:
            last = [api.llama_sampler_init_greedy()]
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for part in (*parts, *last):
            api.llama_sampler_chain_add(chain, part)
        return chain

    def __del__(self) -> None:
        for chain in (self._free, self._bound):
            if chain is not None:
                self._api.llama_sampler_free(chain)
