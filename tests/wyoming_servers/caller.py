"""The real language model, whose random weights would never call anything, made to call what a test asks it for."""

from __future__ import annotations

import json
from typing import Any

from models.llama.answer import LlamaAnswering
from models.llama.calls import BEGIN, END
from models.llama.context import Sampler
from models.llama.responder import LlamaResponder, open_llama

CALLS = {
    "it is dark in the kitchen": ("", {"name": "HassTurnOn", "arguments": {"area": "kitchen", "domain": "light"}}),
    "it is dark in here": ("Well. ", {"name": "HassTurnOn", "arguments": {"domain": "light"}}),
    "the pasta needs eight more minutes": ("Sure. ", {"name": "HassStartTimer", "arguments": {"minutes": 8}}),
}

TOLD = "say what you were told of rooms"
"""Answered with the rooms that the model's system prompt names."""


def open_caller(**options: Any) -> LlamaResponder:
    engine = open_llama(**options)
    opened = engine.open

    def only(text: str) -> Sampler:
        literal = json.dumps(text)
        return Sampler(engine.model, temperature=0, seed=None, grammar=f"root ::= {literal}")

    def opening(*, text: str, **more: Any) -> LlamaAnswering:
        answering = opened(text=text, **more)
        if text == TOLD:
            answering._sampler = only(engine._system_prompt.partition("The rooms of the house: ")[2].partition(".")[0])
        if engine.calls is not None and text in CALLS:
            before, call = CALLS[text]
            answering._sampler = only(before + BEGIN)
            engine.caller = lambda calls: only(json.dumps(call) + END)  # type: ignore[method-assign]
        return answering

    engine.open = opening  # type: ignore[method-assign]
    return engine
