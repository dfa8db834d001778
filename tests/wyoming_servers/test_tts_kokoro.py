from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import SelectProgram
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from models.engine import EngineError
from models.engines import choose
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.tts import JOB
from wyoming_servers.wire import describe

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def options(standin: Callable[[str], Path], shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    pytest.importorskip("kokoro_onnx", reason="needs kokoro-onnx: script/setup --neural")
    voices = shared / "models/kokoro/voices-7.bin"
    return [
        *("--model", str(standin("kokoro.onnx")), "--voices", str(voices), "--speed", "2"),
        *("--data-dir", str(tmp_path_factory.mktemp("data"))),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri(options: list[str]) -> AsyncIterator[str]:
    async with serving(JOB, *options) as uri:
        yield uri


@pytest_asyncio.fixture(loop_scope="module")
async def client(uri: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.from_uri(uri) as client:
        yield client


def seconds(events: list[Event]) -> float:
    """How long the sound of one whole answer is."""
    assert [event.type for event in events] == ["audio-start", *["audio-chunk"] * (len(events) - 2), "audio-stop"]
    assert AudioStart.from_event(events[0]).rate == 24_000
    return sum(AudioChunk.from_event(event).seconds for event in events[1:-1])


async def say(client: AsyncClient, text: str, voice: SynthesizeVoice | None = None) -> float:
    await send(client, Synthesize(text=text, voice=voice))
    return seconds(await until(client, "audio-stop", "error"))


async def test_it_describes_itself(uri: str) -> None:
    (program,) = (await describe(uri)).tts
    assert program.name == "hearth-tts"
    assert program.description == "Says it with kokoro"
    assert [voice.name for voice in program.voices][:2] == ["af_heart", "af_bella"]
    assert len(program.voices) == 7
    assert program.voices[0].languages == ["en-US", "en"]


async def test_it_speaks(client: AsyncClient) -> None:
    assert 0.3 < await say(client, "It is on.") < 2
    assert await say(client, "😀 ... **!**") > 0.2  # the emoji's name
    assert await say(client, "...") == pytest.approx(0.1)  # of silence
    assert await say(client, "It is on.", SynthesizeVoice(language="en-GB")) > 0.3


async def test_the_first_clause_is_heard_while_the_rest_is_written(client: AsyncClient) -> None:
    await send(client, SynthesizeStart(), SynthesizeChunk(text="Yes, it is **on"))
    assert (await receive(client)).type == "audio-start"
    await send(client, SynthesizeChunk(text="**, and"))
    with pytest.raises(TimeoutError):  # "Yes," is too short by itself, and the next clause is open
        await receive(client, 0.2)
    await send(client, SynthesizeChunk(text=" so is the other one, and"))
    heard = [await receive(client)]
    assert heard[0].type == "audio-chunk"
    await send(client, SynthesizeChunk(text=" all is well."), SynthesizeStop())
    heard += await until(client, "synthesize-stopped")
    assert seconds([AudioStart(24_000, 2, 1).event(), *heard[:-1]]) > 1


async def test_what_was_said_comes_from_the_cache(uri: str, client: AsyncClient, options: list[str]) -> None:
    lengths = [await say(client, "The door is closed.") for _ in range(3)]
    assert len(set(lengths)) == 1
    folder = Path(options[-1]) / "phrases"
    assert len(list(folder.iterdir())) >= 1
    await send(client, Synthesize(text="A long answer, which somebody else has asked for just now. " * 3))
    await until(client, "audio-start")
    async with AsyncClient.from_uri(uri) as other:  # it does not wait for what is being made
        await send(other, Synthesize(text="The door is closed."))
        assert seconds(await until(other, "audio-stop")) == lengths[0]
    await until(client, "audio-stop")


async def test_who_goes_leaves_the_engine_to_others(uri: str, client: AsyncClient) -> None:
    async with AsyncClient.from_uri(uri) as leaving:
        await send(leaving, Synthesize(text="a very long sentence without any mark at all " * 20))
        await until(leaving, "audio-start")
    async with asyncio.timeout(60):
        assert await say(client, "And now for something else.") > 0.5


async def test_unknown_voices_are_told(client: AsyncClient, options: list[str]) -> None:
    await send(client, Synthesize(text="Hello.", voice=SynthesizeVoice(name="nobody")))
    assert "give one of af_bella, af_heart" in Error.from_event(await receive(client)).text
    with pytest.raises(EngineError, match="there is no voice 'nobody'"):
        async with serving(JOB, *options, "--voice", "nobody"):
            pass


async def test_two_models_in_one_server(options: list[str], tmp_path: Path) -> None:
    for name, target in (("voices.bin", options[3]), ("other.onnx", options[1])):
        (tmp_path / name).symlink_to(target)
    both = [*options, "--model", str(tmp_path / "other.onnx")]
    async with serving(JOB, *both) as uri:
        assert [program.name for program in (await describe(uri)).tts] == ["hearth-tts", "hearth-tts-other"]
        async with AsyncClient.from_uri(uri) as client:
            assert await say(client, "It is on.") > 0.3
            await send(client, SelectProgram(name="hearth-tts-espeak"))
            told = Error.from_event(await receive(client)).text
            assert told == "'select-program' asks for 'hearth-tts-espeak'; this server has hearth-tts, hearth-tts-other"
            await send(client, SelectProgram(name="hearth-tts-other"))
            assert await say(client, "It is on.") > 0.3


async def test_auto_takes_espeak_for_what_kokoro_does_not_speak(
    options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rest = options[1], options[2:]
    monkeypatch.setattr(
        "wyoming_servers.engines.choose",
        lambda job, wanted, models=(), language=None: choose(  # as if it were pulled
            job, wanted, [model] if wanted == "auto" else [], language=language
        ),
    )
    async with serving(JOB, *rest, "--language", "de") as uri:
        (program,) = (await describe(uri)).tts
        assert program.description == "Says it with espeak-ng"
        assert program.voices[0].name == "de"
    with pytest.raises(EngineError, match="no voice speaks 'de'; the voices here speak en-GB"):
        async with serving(JOB, *options, "--language", "de"):
            pass
