from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pytest_asyncio
from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.ping import Ping
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from models.engine import BadInput
from models.silence import KEPT_MS, THRESHOLD
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.speaking import MOST_CHARACTERS
from wyoming_servers.tts import JOB, SPEAKERS
from wyoming_servers.wire import describe

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 22050
TEXT = "The light in the office is on. It is half past three, and all is well."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri() -> AsyncIterator[str]:
    async with serving(JOB) as uri:
        yield uri


@pytest_asyncio.fixture(loop_scope="module")
async def client(uri: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.from_uri(uri) as client:
        yield client


async def say(client: AsyncClient, text: str = TEXT, **options: Any) -> bytes:
    """Say `text`, plain; return its sound, after looking at the answer's form."""
    await send(client, Synthesize(text=text, **options))
    return sound(await until(client, "audio-stop", "error"))


async def stream(client: AsyncClient, *pieces: str, whole: bool = True, **options: Any) -> bytes:
    """Say text that comes in pieces, as Home Assistant sends it."""
    await send(client, SynthesizeStart(**options), *(SynthesizeChunk(text=piece) for piece in pieces))
    await send(client, *([Synthesize(text="".join(pieces))] if whole else []), SynthesizeStop())
    events = await until(client, "synthesize-stopped", "error")
    assert events.pop().type == "synthesize-stopped"
    return sound(events)


def sound(events: list[Event]) -> bytes:
    """The sound in one answer: one audio-start, chunks, one audio-stop."""
    assert [event.type for event in events] == ["audio-start", *["audio-chunk"] * (len(events) - 2), "audio-stop"]
    start = AudioStart.from_event(events[0])
    chunks = [AudioChunk.from_event(event) for event in events[1:-1]]
    assert {(part.rate, part.width, part.channels) for part in (start, *chunks)} == {(RATE, 2, 1)}
    assert all(0 < len(chunk.audio) <= 8192 and len(chunk.audio) % 2 == 0 for chunk in chunks)
    return b"".join(chunk.audio for chunk in chunks)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


def alike(one: bytes, other: bytes) -> bool:
    """Whether both are the same voice saying the same: the samples differ a little each time."""
    return abs(seconds(one) - seconds(other)) < 0.05


async def test_it_describes_itself(uri: str) -> None:
    info = await describe(uri)
    assert info.jobs == ["tts"]
    (program,) = info.tts
    assert (program.name, program.installed, program.supports_synthesize_streaming) == ("hearth-tts", True, True)
    assert len(program.voices) > 100
    assert program.voices[0].name == "en-US"
    assert all(voice.languages and voice.installed for voice in program.voices)


async def test_plain(client: AsyncClient) -> None:
    pcm = await say(client)
    assert 3 < seconds(pcm) < 6
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) >= THRESHOLD)
    assert loud[0] <= RATE * KEPT_MS // 1000
    assert len(pcm) // 2 - loud[-1] - 1 <= RATE * KEPT_MS // 1000
    assert alike(pcm, await say(client))  # and the connection takes another


async def test_streaming_says_the_same(client: AsyncClient) -> None:
    plain = await say(client)
    assert alike(plain, await stream(client, TEXT))
    assert alike(plain, await stream(client, *TEXT))
    assert alike(plain, await stream(client, "", TEXT[:20], TEXT[20:], whole=False))
    assert alike(plain, await say(client))


async def test_the_first_clause_is_said_while_the_rest_is_written(client: AsyncClient) -> None:
    await send(client, SynthesizeStart())
    assert (await receive(client)).type == "audio-start"
    await send(client, SynthesizeChunk(text="The light is on, and"))
    assert (await receive(client)).type == "audio-chunk"
    await send(client, Ping())
    heard = await until(client, "pong")
    assert {event.type for event in heard} <= {"audio-chunk", "pong"}
    await send(client, SynthesizeChunk(text=" so are you."), SynthesizeStop())
    assert [event.type for event in (await until(client, "synthesize-stopped"))][-2:] == [
        "audio-stop",
        "synthesize-stopped",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\0\x01", "...", "?!", "— , (", "\u200d"])
async def test_nothing_to_say_is_a_moment_of_silence(client: AsyncClient, text: str) -> None:
    for said in (await say(client, text), await stream(client, text), await stream(client)):
        assert said == bytes(len(said))
        assert 0.09 < seconds(said) < 0.11


@pytest.mark.parametrize(
    "text", ["😀😀", "a\0b", "x" * 5000, "12345678901234567890", "5:30, 3.5", "<speak>one</speak>"]
)
async def test_odd_texts_are_said(client: AsyncClient, text: str) -> None:
    assert seconds(await say(client, text)) > 0.2


async def test_voices_and_languages(client: AsyncClient) -> None:
    usual = await say(client)
    german = await say(client, voice=SynthesizeVoice(name="de"))
    assert not alike(usual, german)
    assert alike(german, await say(client, voice=SynthesizeVoice(language="de-AT")))
    assert alike(german, await stream(client, TEXT, voice=SynthesizeVoice(name="DE")))
    assert alike(usual, await say(client, voice=SynthesizeVoice(language="en")))
    assert alike(usual, await say(client, text_format="text"))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Synthesize(text=TEXT, voice=SynthesizeVoice(name="nobody")).event(), "there is no voice 'nobody'"),
        (Synthesize(text=TEXT, voice=SynthesizeVoice(language="xx")).event(), "no voice speaks 'xx'"),
        (Synthesize(text=TEXT, voice=SynthesizeVoice(name="de", speaker="7")).event(), "there is no speaker '7'"),
        (Synthesize(text=TEXT, text_format="ssml").event(), "'text_format' of 'synthesize' takes text, not 'ssml'"),
        (Synthesize(text="x" * (MOST_CHARACTERS + 1)).event(), f"at most {MOST_CHARACTERS} are said at a time"),
        (Event("synthesize", {}), "'text' of 'synthesize' takes text, not nothing"),
        (Event("synthesize", {"text": 5}), "'text' of 'synthesize' takes text, not 5"),
        (Event("synthesize", {"text": TEXT, "voice": "de"}), "'voice' of 'synthesize' takes an object"),
        (Event("synthesize", {"text": TEXT, "voice": {"name": 5}}), "'name' of 'voice' takes text"),
        (SynthesizeChunk(text=TEXT).event(), "'synthesize-chunk' came before 'synthesize-start'"),
        (SynthesizeStop().event(), "'synthesize-stop' came before 'synthesize-start'"),
    ],
)
async def test_what_cannot_be_said_is_named_and_the_connection_lives(
    client: AsyncClient, event: Event, told: str
) -> None:
    await send(client, event)
    events = await until(client, "error")
    assert {came.type for came in events[:-1]} <= {"audio-start"}
    error = Error.from_event(events[-1])
    assert error.code == "bad-value"
    assert told in error.text
    assert seconds(await say(client)) > 1


async def test_the_rest_of_a_stream_that_failed_is_not_said(client: AsyncClient) -> None:
    await send(client, SynthesizeStart(voice=SynthesizeVoice(name="nobody")), SynthesizeChunk(text=TEXT))
    assert "'nobody'" in Error.from_event(await receive(client)).text
    await send(client, Synthesize(text=TEXT))
    assert "send 'synthesize-stop' first" in Error.from_event(await receive(client)).text
    await send(client, SynthesizeStop())
    assert seconds(await say(client)) > 1
    await send(client, SynthesizeStart(), Event("synthesize-chunk", {"text": None}), SynthesizeChunk(text=TEXT))
    events = await until(client, "error")
    assert [event.type for event in events] == ["audio-start", "error"]
    assert seconds(await stream(client, TEXT)) > 1


async def test_too_much_text_in_a_stream(client: AsyncClient) -> None:
    await send(client, SynthesizeStart(), *[SynthesizeChunk(text=" " * 5000)] * 5)
    assert f"at most {MOST_CHARACTERS}" in Error.from_event((await until(client, "error"))[-1]).text
    assert seconds(await stream(client, TEXT)) > 1


async def test_who_goes_leaves_the_place_to_others(uri: str) -> None:
    for _ in range(SPEAKERS + 2):
        async with AsyncClient.from_uri(uri) as leaving:
            await send(leaving, SynthesizeStart(), SynthesizeChunk(text="word, " * 1000))
            await until(leaving, "audio-chunk")
    async with AsyncClient.from_uri(uri) as client:
        assert seconds(await say(client)) > 1


async def test_requests_take_turns_and_too_many_are_told_so() -> None:
    places = SPEAKERS + 16
    async with serving(JOB) as uri:
        clients = [AsyncClient.from_uri(uri) for _ in range(places + 1)]
        try:
            for client in clients[:SPEAKERS]:
                await client.connect()
                await send(client, SynthesizeStart())
                assert (await receive(client)).type == "audio-start"
            for client in clients[SPEAKERS:places]:
                await client.connect()
                await send(client, Synthesize(text="one"), Ping())
                assert (await receive(client)).type == "pong"
            await clients[-1].connect()
            await send(clients[-1], Synthesize(text="one"))
            assert Error.from_event(await receive(clients[-1])).code == "busy"
            for client in clients[:SPEAKERS]:
                await send(client, SynthesizeChunk(text="two"), SynthesizeStop())
            await asyncio.gather(*(until(client, "audio-stop") for client in clients[:places]))
            assert seconds(await say(clients[-1])) > 1
        finally:
            await asyncio.gather(*(client.disconnect() for client in clients))


async def test_a_synthesis_that_crashes_is_told_and_the_next_one_works() -> None:
    async with serving(JOB) as uri, AsyncClient.from_uri(uri) as client:
        await send(client, SynthesizeStart())
        assert (await receive(client)).type == "audio-start"
        (worker,) = psutil.Process().children()[-1:]
        worker.kill()
        await asyncio.to_thread(worker.wait, 10)
        await send(client, SynthesizeChunk(text=TEXT))
        assert Error.from_event(await receive(client)).code == "worker-died"
        await send(client, SynthesizeStop())
        assert seconds(await say(client)) > 1


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    async with serving(JOB, uri=f"unix://{tmp_path}/tts.socket") as uri, AsyncClient.from_uri(uri) as client:
        assert seconds(await say(client)) > 1
        assert seconds(await stream(client, TEXT)) > 1


async def test_options(monkeypatch: pytest.MonkeyPatch, client: AsyncClient) -> None:
    monkeypatch.setenv("HEARTH_LANGUAGE", "de")
    async with serving(JOB, "--speed", "2", "--samples-per-chunk", "100") as uri:
        assert (await describe(uri)).tts[0].voices[0].name == "de"
        async with AsyncClient.from_uri(uri) as fast:
            await send(fast, Synthesize(text=TEXT))
            chunks = (await until(fast, "audio-stop"))[1:-1]
            assert {len(chunk.payload or b"") for chunk in chunks[:10]} == {200}
            assert seconds(await say(fast)) < 0.8 * seconds(await say(client, voice=SynthesizeVoice(name="de")))
    for option, value, told in (("--speed", "9", "speed is 9.0"), ("--voice", "nobody", "no voice 'nobody'")):
        with pytest.raises(BadInput, match=told):
            async with serving(JOB, option, value):
                pass
