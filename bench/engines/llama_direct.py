"""llama_cpp as somebody would use it who needs no server, for comparison: run in a process of its own."""

from __future__ import annotations

import ctypes
import time
from typing import Any

from models.engine import EngineUnavailable


class Direct:
    """The same model with the settings of our engine, by llama-cpp-python's own class and by its C functions."""

    name: str

    def __init__(self, model: str, context_tokens: int) -> None:
        try:
            import llama_cpp
        except ImportError:
            raise EngineUnavailable("llama.cpp is not installed: script/setup --neural") from None
        self.name = "direct"
        self._api = llama_cpp
        self._llama: Any = llama_cpp.Llama(
            model,
            n_ctx=context_tokens,
            n_batch=128,
            n_ubatch=128,
            n_threads=1,
            n_threads_batch=1,
            flash_attn=True,  # as llama.cpp itself chooses; the class's own choice is the slower one
            verbose=False,
        )

    def open(self) -> Direct:
        """Return itself."""
        return self

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))

    def generate(self, prompt: list[int], count: int) -> float:
        """Return the tokens a second of `Llama.generate`, from the first one on; nothing is made of them."""
        self._llama.reset()
        drawn = self._llama.generate(prompt, top_k=40, top_p=0.9, min_p=0.0, temp=0.3, repeat_penalty=1.1)
        next(drawn)
        began = time.perf_counter()
        for _ in range(count - 1):
            next(drawn)
        return (count - 1) / (time.perf_counter() - began)

    def decode(self, prompt: list[int], count: int) -> float:
        """Return the tokens a second of `llama_decode` alone, the likeliest token each time."""
        api, context = self._api, self._llama.ctx
        self._llama.reset()
        api.llama_memory_clear(api.llama_get_memory(context), True)
        self._llama.eval(prompt)
        sampler = api.llama_sampler_init_greedy()
        try:
            token = (api.llama_token * 1)(api.llama_sampler_sample(sampler, context, -1))
            began = time.perf_counter()
            for _ in range(count - 1):
                if api.llama_decode(
                    context, api.llama_batch_get_one(ctypes.cast(token, ctypes.POINTER(api.llama_token)), 1)
                ):
                    raise RuntimeError("llama_decode failed")
                token[0] = api.llama_sampler_sample(sampler, context, -1)
            return (count - 1) / (time.perf_counter() - began)
        finally:
            api.llama_sampler_free(sampler)
            self._llama.reset()


def open_direct(*, model: str, context_tokens: int) -> Direct:
    """Load the model."""
    return Direct(model, context_tokens)
