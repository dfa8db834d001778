import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from wyoming.event import Eventable, async_read_event, async_write_event
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop, NotHandled
from wyoming.info import Artifact, Attribution, Describe, HandleModel, HandleProgram, Info
from wyoming.intent import Intent, NotRecognized

from satellite.turns.deciding import NOBODY_DOES

ABOUT = vars(Artifact("slow", Attribution("test", "test"), True, "slow", "1"))
INFO = Info(handle=[HandleProgram(**ABOUT, models=[HandleModel(**ABOUT, languages=["en"])])])


async def hearth(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )


async def test_an_answer_is_printed_as_it_comes(tmp_path: Path) -> None:
    printed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (event := await async_read_event(reader)) is not None:
            if Describe.is_type(event.type):
                await async_write_event(INFO.event(), writer)
            elif event.type == "transcript":
                await async_write_event(HandledStart().event(), writer)
                await async_write_event(HandledChunk("Once \x1b[31mupon\n").event(), writer)
                await printed.wait()
                for last in (HandledChunk("a time."), HandledStop(), Handled("Once upon\na time.")):
                    await async_write_event(last.event(), writer)
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"), asyncio.timeout(60):
        asking = await hearth("ask", "--uri", f"unix://{tmp_path}/s", "tell", "a", "story")
        assert asking.stdout is not None
        assert await asking.stdout.readline() == b"Once  [31mupon\n"
        printed.set()
        rest, _ = await asking.communicate()
        assert rest == b"a time.\n"
        assert asking.returncode == 0


@pytest.mark.parametrize(
    ("last", "printed"),
    [
        (NotHandled("I do not know."), "I do not know.\n"),
        (NotRecognized("Sorry?"), "Sorry?\n"),
        (Intent("HassTurnOn", text="Turned on the light"), f"{NOBODY_DOES}\n"),
    ],
)
async def test_what_is_not_streamed_is_printed_in_the_end(last: Eventable, printed: str, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (event := await async_read_event(reader)) is not None:
            answer = INFO if Describe.is_type(event.type) else last
            await async_write_event(answer.event(), writer)
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"), asyncio.timeout(60):
        asking = await hearth("ask", "--uri", f"unix://{tmp_path}/s", "what now")
        assert await asking.communicate() == (printed.encode(), b"")
        assert asking.returncode == 1


@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="needs llama.cpp: script/setup --neural")
async def test_a_small_model_tells_a_story(shared: Path, tmp_path: Path) -> None:
    model = str(shared / "models" / "llm" / "stories260K-q8_0.gguf")
    options = ("--engine", "llama", "--model", model, "--data-dir", str(tmp_path))
    async with asyncio.timeout(60):
        asking = await hearth("ask", *options, "Once", "upon", "a", "time", "there", "was", "a", "dog")
        told, said = await asking.communicate()
    assert asking.returncode == 0, said
    story = told.decode().lower().split()
    assert len(story) > 40
    assert sum(word in {"the", "was", "a", "to", "and", "she", "he", "they", "her", "his"} for word in story) > 10
