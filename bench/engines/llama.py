"""The language model: what a conversation's second turn works anew, its speed beside llama_cpp's own, and its stops.

The weights are random, so what it says means nothing and mostly goes on to the last token that it may write.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from wyoming.asr import Transcript

from bench.engines import standin
from bench.report import BenchError, Report, percentile, progress
from bench.servers import serving
from models.engine import Exchange
from models.llama.answer import Cost
from models.sentences.house import load_house
from wyoming_servers import persona
from wyoming_servers.wire import Connection, PeerError, answer, connect_to
from wyoming_servers.workers import Processes

_FACTS = "It is Sunday, November 22nd, 2026. It is 3:05 PM."
_QUESTIONS = (
    "why is the sky blue",
    "and why is it red in the evening",
    "is that so on mars too",
    "how far away is mars",
)
_WORDS = (
    "why",
    "does",
    "the",
    "cat",
    "on",
    "the",
    "warm",
    "roof",
    "of",
    "this",
    "old",
    "house",
    "watch",
    "every",
    "bird",
)

_CONTEXT_TOKENS = 2048
_ROUNDS, _TOKENS = 25, 64
"""Short and many, so that what else the machine does falls on both."""

_PAUSE_S = 1.0
"""Between an answer and the next question: the one is said aloud meanwhile, and the other one asked."""

_STOPS = 60
_LATEST_MS = 100.0


async def measure(report: Report, args: Namespace) -> None:  # noqa: ARG001
    """Measure the three."""
    model = str(standin("smollm2-135m.gguf"))
    await _reuse(report, model)
    await _rate(report, model)
    await _stops(report, model)


# ---------------------------------------------------------------------------------------------- reuse


async def _reuse(report: Report, model: str) -> None:
    """Have two conversations with the house's own system prompt: with all defaults, and with short answers."""
    rows: list[list[str]] = []
    long = await _conversation(model, {}, rows)
    short = await _conversation(model, {"max_tokens": 64}, rows)
    report.explain(
        "Conversations; the system prompt is read at the start",
        [
            "said",
            "answers of",
            "prompt's tokens",
            "held",
            "read",
            "held of all",
            "of those there before",
            "first word ms",
        ],
        rows,
    )
    for name, costs in (("llama_prompt_reuse", long), ("llama_prompt_reuse_short", short)):
        report.add(
            name,
            costs[1].reused / costs[1].prompt,
            at_least=0.95,
            note=f"second turn, after an answer of {costs[0].written} tokens: of all {costs[1].prompt} tokens of its"
            " prompt, the new question's among them, those read before it was asked",
        )
    report.add(
        "llama_prefix_reuse",
        min(_of_before(costs, turn) for costs in (long, short) for turn in range(1, len(costs))),
        at_least=0.95,
        note="the least of all turns: of the tokens that were there before, read or written",
    )


async def _conversation(model: str, options: dict[str, Any], rows: list[list[str]]) -> list[Cost]:
    """Return what each turn took."""
    progress("llama: a conversation")
    arguments = {"model": model, **persona.arguments(load_house()), "seed": 1, **options}
    engine = Processes("models.llama.responder:open_llama", arguments, count=1)
    history: list[Exchange] = []
    costs: list[Cost] = []
    try:
        await engine.start()
        for question in _QUESTIONS:
            facts = "" if history else _FACTS  # as the server does: they are told when they have changed
            await asyncio.sleep(_PAUSE_S)
            began = time.perf_counter()
            said, first, cost = await _turn(engine, question, history, facts)
            costs.append(cost)
            history.append(Exchange(question, said, facts))
            counts = [cost.written, cost.prompt, cost.reused, cost.prompt - cost.reused]
            before = f"{_of_before(costs, len(costs) - 1):.3f}" if costs[1:] else ""
            share = f"{cost.reused / cost.prompt:.3f}"
            rows.append([question, *map(str, counts), share, before, f"{(first - began) * 1000:.0f}"])
    finally:
        await engine.close()
    return costs


def _of_before(costs: list[Cost], turn: int) -> float:
    """Return how much was held of what the turn before had read and written."""
    return min(1.0, costs[turn].reused / (costs[turn - 1].prompt + costs[turn - 1].written))


async def _turn(engine: Processes, text: str, history: list[Exchange], facts: str) -> tuple[str, float, Cost]:
    """Return what was said, when its first word came, and what it took."""
    said, first = "", 0.0
    async with engine.stream(text=text, history=history, conversation="one", facts=facts) as answering:
        while (piece := await answering.call("more")) is not None:
            if piece and not said:
                first = time.perf_counter()
            said += piece
        return said, first, await answering.call("cost")


# ---------------------------------------------------------------------------------------------- rate


async def _rate(report: Report, model: str) -> None:
    """Write with ours and with llama_cpp itself, each in a process of its own, by turns."""
    progress("llama: speed")
    settings = {"model": model, "context_tokens": _CONTEXT_TOKENS}
    ours = Processes("models.llama.responder:open_llama", settings | {"max_tokens": _TOKENS, "threads": 1}, count=1)
    direct = Processes("bench.engines.llama_direct:open_direct", settings, count=1)
    rates: dict[str, list[float]] = {"ours": [], "Llama.generate": [], "llama_decode": []}
    try:
        await asyncio.gather(ours.start(), direct.start())
        async with direct.stream() as other:
            for number in range(_ROUNDS):
                text = f"{number} {' '.join(_WORDS * 2)}"
                prompt = await other.call("tokens", f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")
                rates["ours"].append(await _write(ours, text))
                rates["Llama.generate"].append(await other.call("generate", prompt, _TOKENS))
                rates["llama_decode"].append(await other.call("decode", prompt, _TOKENS))
    finally:
        await asyncio.gather(ours.close(), direct.close())
    report.explain(
        f"Tokens a second from the first one on, 1 thread, {_TOKENS} tokens, {_ROUNDS} times by turns",
        ["", "median", "least", "most"],
        [[name, *(f"{of(all_):.1f}" for of in (statistics.median, min, max))] for name, all_ in rates.items()],
    )
    ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates["Llama.generate"], strict=True)]
    report.add(
        "llama_rate_over_direct",
        statistics.median(ratios),
        at_least=0.95,
        note="tokens a second through the worker, as text, over Llama.generate's, as tokens; median of pairs",
    )


async def _write(engine: Processes, text: str) -> float:
    async with engine.stream(text=text, history=[]) as answering:
        began, at_first = 0.0, 0
        while (piece := await answering.call("more")) is not None:
            if piece and not began:
                began, at_first = time.perf_counter(), (await answering.call("cost")).written
        seconds = time.perf_counter() - began
        written = (await answering.call("cost")).written - at_first
    if written < _TOKENS // 2:  # it drew the mark of an end
        return await _write(engine, f"{text} so")
    return float(written / seconds)


# ---------------------------------------------------------------------------------------------- stops


async def _stops(report: Report, model: str) -> None:
    """Hang up on a server at random moments, and see when its model takes the next request.

    That one is longer than the model has room for: it is refused as soon as the model is free, with nothing worked.
    """
    progress("llama: hanging up")
    chance = random.Random(1)
    reading: list[float] = []
    writing: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with serving(
            ["handle"], Path(folder), options={"handle": ["--engine", "llama", "--model", model]}
        ) as servers:
            uri = servers["handle"].uri
            async with connect_to(uri) as next_one:
                usual = [await _refused(next_one) for _ in range(10)]
                for number in range(_STOPS):
                    long = " ".join(chance.choices(_WORDS, k=600))
                    began_to_write = False
                    async with connect_to(uri) as client:
                        await client.send(Transcript(text=f"{number} {long}"))
                        try:
                            async with asyncio.timeout(chance.uniform(0.0, 3.0)):
                                while True:
                                    began_to_write |= (await answer(client)).type == "handled-chunk"
                        except TimeoutError:
                            pass
                        gone = time.perf_counter()
                    await _refused(next_one)
                    (writing if began_to_write else reading).append((time.perf_counter() - gone) * 1000)
    report.explain(
        "From a client's hanging up to the model's refusal of the next request, ms",
        ["meanwhile it was", "times", "p50", "longest"],
        [
            [what, str(len(times)), f"{percentile(times, 0.5):.1f}", f"{percentile(times, 1.0):.1f}"]
            for what, times in (("idle", usual), ("reading", reading), ("writing", writing))
        ],
    )
    report.add(
        "llama_cancel_ms",
        max(reading + writing),
        at_most=_LATEST_MS,
        note=f"the longest of {_STOPS}, at random moments of reading and writing",
    )


async def _refused(connection: Connection) -> float:
    """Return the ms that a request takes which the model has no room for."""
    began = time.perf_counter()
    await connection.send(Transcript(text="🦭" * 900))
    try:
        event = await answer(connection)
    except PeerError as error:
        if error.code != "bad-value":
            raise
        return (time.perf_counter() - began) * 1000
    raise BenchError(f"a text that is too long was answered by {event.type}")
