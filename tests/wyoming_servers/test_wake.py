from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pytest_asyncio
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import SelectProgram
from wyoming.wake import Detect, Detection

from models.engine import BadInput, EngineError
from tests.models.speech import silence, speech
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.wake import JOB
from wyoming_servers.wire import describe
from wyoming_servers.wire.audio import read_wav

package = pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed: script/setup")

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLED = "Okay Nabu."
NABU = Detect(names=["okay_nabu"])
NOTHING = [AudioStart(16_000, 2, 1), AudioStop()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri() -> AsyncIterator[str]:
    async with serving(JOB) as uri:
        yield uri


def audio(
    pcm: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1, size: int = 320, clock: int | None = None
) -> list[Any]:
    """The events of a whole stream of audio, as Home Assistant sends it; `clock` is the first chunk's timestamp."""
    form: dict[str, Any] = {"rate": rate, "width": width, "channels": channels}
    frame_ms = 1000 / (rate * width * channels)
    chunks = [
        AudioChunk(**form, audio=pcm[at : at + size], timestamp=None if clock is None else clock + round(at * frame_ms))
        for at in range(0, len(pcm), size)
    ]
    return [AudioStart(**form), *chunks, AudioStop()]


async def hear(client: AsyncClient, *events: Any) -> list[Detection]:
    """Send a stream and an empty one, whose end is always told; return what was detected in the first."""
    _, answers = await asyncio.gather(send(client, *events, *NOTHING), until(client, "not-detected", "error"))
    if len(answers) == 1:
        answers += await until(client, "not-detected", "error")
    assert answers[-1].type == "not-detected", Error.from_event(answers[-1]).text
    return [Detection.from_event(event) for event in answers if event.type == "detection"]


async def alone(uri: str, *events: Any) -> list[Detection]:
    async with AsyncClient.from_uri(uri) as client:
        return await hear(client, *events)


async def test_it_describes_itself_as_home_assistant_wants_it(uri: str) -> None:
    info = await describe(uri)
    assert info.jobs == ["wake"]
    (program,) = info.wake
    assert (program.name, program.installed, program.attribution.name) == ("hearth-wake", True, "Hearth")
    assert program.version
    models = {model.name: model for model in program.models}
    assert sorted(models) == ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"]
    for model in models.values():
        assert model.installed
        assert model.languages
        assert model.version == "2"
        assert model.phrase == model.description
        assert model.attribution.name == "Kevin Ahrendt"
    assert models["okay_nabu"].phrase == "Okay Nabu"


async def test_its_program_can_be_selected(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, SelectProgram("hearth-wake"), SelectProgram("microwakeword"), SelectProgram("porcupine"))
        error = Error.from_event(await receive(client))
        assert error.text == "'select-program' asks for 'porcupine'; this server has hearth-wake"
        assert await hear(client, *audio(speech(CALLED)))


@pytest.mark.parametrize("names", [None, ["okay_nabu"], ["alexa", "okay_nabu"], []])
async def test_the_house_is_called(uri: str, names: list[str] | None) -> None:
    (heard,) = await alone(uri, Detect(names=names), *audio(speech(CALLED)))
    assert heard.name == "okay_nabu"
    length = len(speech(CALLED)) // 32
    assert heard.timestamp is not None
    assert length - 1500 <= heard.timestamp <= length - 700  # a second of silence is at the end


async def test_home_assistant_hears_of_it_while_the_audio_still_comes(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        *sound, _ = audio(speech(CALLED), clock=0)
        await send(client, NABU, *sound)
        heard = Detection.from_event(await receive(client))
        assert heard.name == "okay_nabu"


async def test_another_word_is_none(uri: str) -> None:
    assert await alone(uri, Detect(names=["alexa"]), *audio(speech(CALLED))) == []
    assert await alone(uri, NABU, *audio(speech("Turn on the lights in the office."))) == []
    assert await alone(uri, NABU, *audio(silence(500))) == []


async def test_timestamps_are_the_client_s(uri: str) -> None:
    (counted,) = await alone(uri, NABU, *audio(speech(CALLED)))
    assert counted.timestamp is not None
    for size in (320, 2048):
        (stamped,) = await alone(uri, NABU, *audio(speech(CALLED), clock=5_000_000, size=size))
        assert stamped.timestamp is not None
        # That of the chunk in which it was known: at most a chunk earlier.
        assert -size // 32 - 1 <= stamped.timestamp - 5_000_000 - counted.timestamp <= 0
    start, *chunks, stop = audio(speech(CALLED))
    for chunk in chunks:
        chunk.timestamp = 7
    (still,) = await alone(uri, NABU, start, *chunks, stop)
    assert still.timestamp == 7


@pytest.mark.parametrize("timestamp", ["now", -1, 1.5, 2**60, True])
async def test_a_timestamp_that_cannot_be(uri: str, timestamp: Any) -> None:
    form = {"rate": 16_000, "width": 2, "channels": 1}
    async with AsyncClient.from_uri(uri) as client:
        await send(client, AudioStart(**form), Event("audio-chunk", form | {"timestamp": timestamp}, bytes(320)))
        error = Error.from_event(await receive(client))
        assert (error.code, "'timestamp' of 'audio-chunk'" in error.text) == ("bad-value", True)
        assert await hear(client, *audio(speech(CALLED)))


async def test_it_answers_with_the_name_that_was_asked_for(uri: str) -> None:
    for name in ("ok_nabu", "okay_nabu_v0.1", "Okay Nabu"):
        (heard,) = await alone(uri, Detect(names=[name]), *audio(speech(CALLED)))
        assert heard.name == name


async def test_a_stream_begins_at_nothing(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        first = await hear(client, NABU, *audio(speech(CALLED)))
        assert await hear(client, *audio(silence(500))) == []
        assert await hear(client, *audio(speech(CALLED))) == first
        await send(client, *audio(speech(CALLED))[:20])  # a new start forgets the stream before it
        assert await hear(client, *audio(speech(CALLED))) == first


async def test_without_start_and_with_detect_in_mid_stream(uri: str) -> None:
    """As wyoming-satellite does: it asks anew after each detection, and the audio goes on."""
    _, *chunks, stop = audio(speech(CALLED))
    async with AsyncClient.from_uri(uri) as client:
        await send(client, Detect(names=["alexa"]), *chunks[:30], NABU, *chunks[30:], NABU, *chunks, stop)
        heard = [Detection.from_event(await receive(client)) for _ in range(2)]
        assert [one.name for one in heard] == ["okay_nabu"] * 2
        (first,) = await alone(uri, *audio(speech(CALLED)))
        assert heard[0].timestamp is not None
        assert first.timestamp is not None
        # Since the beginning of the audio; the features of a stream that begins elsewhere lie elsewhere, too.
        assert abs(heard[0].timestamp - first.timestamp) <= 100
        assert await hear(client, *audio(speech(CALLED))) == [first]


async def test_a_word_is_not_heard_again_too_soon() -> None:
    twice = audio(speech(CALLED) * 2)
    async with serving(JOB, "--refractory-seconds", "20") as uri:
        assert len(await alone(uri, *twice)) == 1
    async with serving(JOB, "--refractory-seconds", "0") as uri:
        assert len(await alone(uri, *twice)) == 2


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(8000, 2, 1), (44_100, 2, 2), (48_000, 4, 1), (192_000, 3, 8), (16_000, 1, 1)]
)
async def test_any_sound_is_heard(uri: str, rate: int, width: int, channels: int) -> None:
    import soxr

    pcm = soxr.resample(np.frombuffer(speech(CALLED), "<i2"), 16_000, rate).astype("<i2")
    if width == 1:
        samples = ((pcm >> 8) + 128).astype(np.uint8).tobytes()
    else:
        samples = b"".join(bytes(width - 2) + sample.tobytes() for sample in pcm)
    data = np.tile(np.frombuffer(samples, np.uint8).reshape(-1, width), (1, channels)).tobytes()
    form = {"rate": rate, "width": width, "channels": channels, "size": width * channels * 4000}
    (usual,) = await alone(uri, *audio(speech(CALLED)))
    (heard,) = await alone(uri, *audio(data, **form))
    (stamped,) = await alone(uri, *audio(data, **form, clock=0))
    assert usual.timestamp is not None
    assert heard.timestamp is not None
    assert stamped.timestamp is not None
    assert abs(heard.timestamp - usual.timestamp) <= 150
    assert heard.timestamp - 4000 * 1000 / rate - 60 <= stamped.timestamp <= heard.timestamp


@pytest.mark.parametrize(
    ("events", "code", "told"),
    [
        ([AudioStop()], "bad-value", "'audio-stop' came before any audio"),
        ([AudioStart(16_000, 2, 1), AudioChunk(16_000, 2, 1, b"odd")], "unsupported-audio", "no whole samples"),
        ([AudioStart(1, 2, 1)], "unsupported-audio", "'rate' takes a whole number"),
        (
            [AudioStart(16_000, 2, 1), AudioChunk(16_000, 9, 1, b"")],
            "unsupported-audio",
            "'width' takes a whole number",
        ),
        ([Detect(names=["computer"])], "bad-value", "no wake word 'computer'; there are alexa, hey_jarvis,"),
        ([Detect(names=["okay_nabu", "x" * 9999])], "bad-value", "no wake word 'xxx"),
        ([Event("detect", {"names": "okay_nabu"})], "bad-value", "'names' of 'detect' takes a list of texts"),
        ([Event("detect", {"names": [1]})], "bad-value", "'names' of 'detect' takes a list of texts"),
        ([Detect(names=["okay_nabu"] * 65)], "bad-value", "takes at most 64 wake words, not 65"),
    ],
)
async def test_what_makes_no_sense_is_named_and_the_connection_lives(
    uri: str, events: list[Any], code: str, told: str
) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, *events)
        error = Error.from_event(await receive(client))
        assert error.code == code
        assert told in error.text
        assert len(await hear(client, *audio(speech(CALLED)))) == 1


async def test_chunks_without_sound_and_unknown_events_are_nothing(uri: str) -> None:
    start, *chunks, stop = audio(speech(CALLED), clock=0)
    empty = AudioChunk(16_000, 2, 1, b"", timestamp=99)
    events = [start, empty, *(event for chunk in chunks for event in (chunk, empty)), Event("who-knows"), stop]
    assert await alone(uri, *events) == await alone(uri, start, *chunks, stop)


async def test_many_listeners_are_heard_at_once_and_one_too_many_waits() -> None:
    start, *chunks, stop = audio(speech(CALLED), size=2048)
    async with serving(JOB, "--listeners", "8") as uri:
        clients = [AsyncClient.from_uri(uri) for _ in range(9)]
        try:
            for client in clients:
                await client.connect()
            for client in clients[:-1]:
                await send(client, NABU, start, *chunks)
            heard = [await receive(client) for client in clients[:-1]]
            assert {event.type for event in heard} == {"detection"}
            last = clients[-1]
            await send(last, NABU, start, *chunks, Event("ping"))
            assert (await receive(last)).type == "pong"
            await send(clients[0], stop)
            assert (await receive(last)).type == "detection"
        finally:
            await asyncio.gather(*(client.disconnect() for client in clients))
        assert len(await alone(uri, *audio(speech(CALLED)))) == 1  # a client that just goes gives its place back


async def test_a_worker_that_dies_is_told_and_replaced() -> None:
    start, *chunks, stop = audio(speech(CALLED))
    async with serving(JOB) as uri, AsyncClient.from_uri(uri) as client:
        await hear(client, start, *chunks, stop)
        (worker,) = psutil.Process().children()[-1:]
        await send(client, start, *chunks[:10])
        await asyncio.sleep(0.2)
        worker.kill()
        await asyncio.to_thread(worker.wait, 10)
        await send(client, *chunks[10:])
        error = Error.from_event(await receive(client))
        assert error.code in {"worker-died", "engine"}
        await send(client, stop)
        assert len(await hear(client, start, *chunks, stop)) == 1


async def test_a_word_of_ones_own(tmp_path: Path) -> None:
    shipped = Path(package.__file__).parent / "models"
    manifest = json.loads((shipped / "okay_nabu.json").read_text())
    (tmp_path / "hey_house.json").write_text(
        json.dumps(manifest | {"model": "hey_house.tflite", "wake_word": "Hey house", "author": "Ada"})
    )
    shutil.copy(shipped / "okay_nabu.tflite", tmp_path / "hey_house.tflite")
    for option in (f"--model={tmp_path / 'hey_house.tflite'}", f"--custom-model-dir={tmp_path}"):
        async with serving(JOB, option) as uri:
            (program,) = (await describe(uri)).wake
            (model,) = (model for model in program.models if model.name == "hey_house")
            assert (model.phrase, model.attribution.name) == ("Hey house", "Ada")
            (heard,) = await alone(uri, Detect(names=["hey_house"]), *audio(speech(CALLED)))
            assert heard.name == "hey_house"
    (tmp_path / "hey_house.tflite").write_bytes(b"TFL3" * 100)
    with pytest.raises(EngineError, match=r"hey_house\.tflite is no model of microWakeWord"):
        async with serving(JOB, f"--model={tmp_path}"):
            pass
    with pytest.raises(EngineError, match="nowhere does not exist"):
        async with serving(JOB, f"--model={tmp_path / 'nowhere'}"):
            pass


async def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_THRESHOLD", "0.9999")
    async with serving(JOB) as uri:
        assert await alone(uri, *audio(speech(CALLED))) == []
    with pytest.raises(BadInput, match="threshold is 97; it must be between 0 and 1"):
        async with serving(JOB, "--threshold", "97"):
            pass
    with pytest.raises(BadInput, match="takes 0 to 3600"):
        async with serving(JOB, "--threshold", "0.5", "--refractory-seconds", "-1"):
            pass


@pytest.mark.parametrize("word", ["okay_nabu", "hey_jarvis", "hey_mycroft", "alexa"])
async def test_recordings(uri: str, shared: Path, word: str) -> None:
    pcm = read_wav(shared / "media" / "wakeword" / "clips" / f"{word}.wav")
    (heard,) = await alone(uri, Detect(names=[word]), *audio(pcm + silence(500)))
    assert heard.name == word
