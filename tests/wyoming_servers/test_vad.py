from __future__ import annotations

import asyncio
import json
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
from wyoming.ping import Ping

from models.engine import BadInput
from models.engines import ENGINES
from tests.models.speech import silence, speech
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.vad import JOB, LISTENERS
from wyoming_servers.wire import Info, describe
from wyoming_servers.wire.vad import DetectVoice, VoiceActivity, VoiceStarted, VoiceStopped

pytestmark = pytest.mark.asyncio(loop_scope="module")

WINDOW_MS = 32


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["silero", "silero-onnx"])
async def uri(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    (engine,) = (engine for engine in ENGINES if engine.name == request.param)
    if engine.missing:
        pytest.skip(f"{', '.join(engine.missing)} is not installed: script/setup --neural")
    async with serving(JOB, "--engine", engine.name) as uri:
        yield uri


def audio(pcm: bytes, *, rate: int = 16_000, width: int = 2, channels: int = 1, size: int = 2048) -> list[Any]:
    """The events of a whole stream of audio."""
    form: dict[str, Any] = {"rate": rate, "width": width, "channels": channels}
    chunks = [AudioChunk(**form, audio=pcm[at : at + size]) for at in range(0, len(pcm), size)]
    return [AudioStart(**form), *chunks, AudioStop()]


async def hear(client: AsyncClient, *events: Any) -> list[Event]:
    """Send a stream; return all answers but the last, which says that it was heard to its end."""
    _, answers = await asyncio.gather(send(client, *events), until(client, "audio-stop", "error"))
    assert answers[-1].type == "audio-stop", Error.from_event(answers[-1]).text
    return answers[:-1]


def edges(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.type, event.data["timestamp"]) for event in events if event.type != "voice-activity"]


async def test_it_describes_itself(uri: str) -> None:
    info = await describe(uri)
    assert info.jobs == ["vad"]
    (program,) = info.vad
    assert (program.name, program.installed) == ("hearth-vad", True)
    (model,) = program.models
    assert (model.name, model.installed, model.attribution.name) == ("silero", True, "Silero Team")
    assert isinstance(info, Info)


async def test_its_program_can_be_selected(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, SelectProgram("hearth-vad"), SelectProgram("silero"), SelectProgram("webrtc"))
        error = Error.from_event(await receive(client))
        assert (error.code, error.text) == (
            "bad-value",
            "'select-program' asks for 'webrtc'; this server has hearth-vad",
        )
        assert edges(await hear(client, *audio(speech())))


async def test_speech_starts_and_stops_at_its_true_edges(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        answers = await hear(client, *audio(speech(before_ms=800, after_ms=1500)))
        (started, start), (stopped, stop) = edges(answers)
        assert (started, stopped) == ("voice-started", "voice-stopped")
        assert 760 <= start <= 960
        length = len(speech(before_ms=0, after_ms=0)) // 32
        assert 800 + length - 500 <= stop <= 800 + length + 100
        assert VoiceStarted.is_type(answers[0].type)
        assert VoiceStopped.is_type(answers[1].type)


async def test_the_start_is_told_while_the_audio_still_comes(uri: str) -> None:
    spoken = speech(before_ms=300, after_ms=0)
    async with AsyncClient.from_uri(uri) as client:
        start, *chunks, stop = audio(spoken)
        await send(client, start, *chunks)
        assert (await receive(client)).type == "voice-started"
        await send(client, AudioChunk(16_000, 2, 1, silence(1000)))
        assert (await receive(client)).type == "voice-stopped"
        await send(client, stop)
        assert (await receive(client)).type == "audio-stop"


async def test_an_open_segment_ends_with_the_audio(uri: str) -> None:
    spoken = speech(before_ms=0, after_ms=0)[: 2 * 16_000]
    async with AsyncClient.from_uri(uri) as client:
        answers = await hear(client, *audio(spoken))
        assert [name for name, _ in edges(answers)] == ["voice-started", "voice-stopped"]
        assert 900 <= edges(answers)[1][1] <= 1000


async def test_a_stream_begins_at_nothing(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        first = edges(await hear(client, *audio(speech())))
        assert edges(await hear(client, *audio(speech()))) == first
        assert edges(await hear(client, *audio(silence(500)))) == []
        # A new start forgets the stream before it.
        await send(client, *audio(speech())[:-1])
        await until(client, "voice-stopped")
        assert edges(await hear(client, *audio(speech()))) == first


async def test_every_window_is_told_where_wanted(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        answers = await hear(client, DetectVoice(activity=True), *audio(speech()))
        windows = [VoiceActivity.from_event(event) for event in answers if event.type == "voice-activity"]
        assert len(windows) == len(speech()) // 1024
        assert [window.timestamp for window in windows] == [WINDOW_MS * index for index in range(len(windows))]
        start, stop = (ms for _, ms in edges(answers))
        assert windows[start // WINDOW_MS].probability >= 0.5
        assert windows[stop // WINDOW_MS - 1].probability >= 0.35
        assert all(window.probability < 0.5 for window in windows[stop // WINDOW_MS :])


async def test_the_client_chooses_the_figures(uri: str) -> None:
    twice = speech("Stop.", before_ms=300, after_ms=500) * 2 + silence(1000)
    async with AsyncClient.from_uri(uri) as client:
        assert len(await hear(client, DetectVoice(min_silence_ms=2000), *audio(twice))) == 2
        assert len(await hear(client, DetectVoice(min_silence_ms=200), *audio(twice))) == 4
        assert await hear(client, DetectVoice(min_speech_ms=3000), *audio(twice)) == []
        assert await hear(client, DetectVoice(threshold=1.0), *audio(twice)) == []


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(8000, 2, 1), (44_100, 2, 2), (48_000, 4, 1), (192_000, 3, 8), (16_000, 1, 1)]
)
async def test_any_sound_is_heard(uri: str, rate: int, width: int, channels: int) -> None:
    import soxr

    pcm = soxr.resample(np.frombuffer(speech(), "<i2"), 16_000, rate).astype("<i2")
    if width == 1:
        samples = ((pcm >> 8) + 128).astype(np.uint8).tobytes()
    else:
        samples = b"".join(bytes(width - 2) + sample.tobytes() for sample in pcm)
    frames = np.frombuffer(samples, np.uint8).reshape(-1, width)
    data = np.tile(frames, (1, channels)).tobytes()
    expected = edges(await _alone(uri, audio(speech())))
    heard = edges(
        await _alone(uri, audio(data, rate=rate, width=width, channels=channels, size=width * channels * 4000))
    )
    assert [name for name, _ in heard] == [name for name, _ in expected]
    for (_, got), (_, wanted) in zip(heard, expected, strict=True):
        assert abs(got - wanted) <= 6 * WINDOW_MS  # at 8 kHz the last consonant is lost


async def _alone(uri: str, events: list[Any]) -> list[Event]:
    async with AsyncClient.from_uri(uri) as client:
        return await hear(client, *events)


@pytest.mark.parametrize(
    "form",
    [
        {"rate": 0, "width": 2, "channels": 1},
        {"rate": 1, "width": 2, "channels": 1},
        {"rate": 16_000, "width": 5, "channels": 1},
        {"rate": 16_000, "width": 2, "channels": 0},
        {"rate": 16_000, "width": 2, "channels": 9},
        {"rate": "16000", "width": 2, "channels": 1},
        {"rate": 16_000.5, "width": 2, "channels": 1},
        {"rate": 10**12, "width": 2, "channels": 1},
        {"rate": True, "width": 2, "channels": 1},
        {"rate": None, "width": 2, "channels": 1},
        {},
    ],
)
async def test_what_cannot_be_sound_is_refused_and_the_connection_lives(uri: str, form: dict[str, Any]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await send(client, Event("audio-start", form), Event("audio-chunk", form, bytes(64)), AudioStop())
        error = Error.from_event(await receive(client))
        assert error.code == "unsupported-audio"
        assert "takes a whole number from" in error.text
        assert len(edges(await hear(client, *audio(speech())))) == 2  # no second error came for the chunk or the stop


@pytest.mark.parametrize(
    ("events", "code", "told"),
    [
        ([AudioStop()], "bad-value", "'audio-stop' came before any audio"),
        ([AudioStart(16_000, 2, 1), AudioChunk(16_000, 2, 1, b"odd")], "unsupported-audio", "no whole samples"),
        ([AudioStart(16_000, 2, 1), AudioChunk(1, 2, 1, b"")], "unsupported-audio", "'rate' takes a whole number"),
        ([DetectVoice(threshold=7)], "bad-value", "'threshold' of 'detect-voice' takes a number from 0 to 1, not 7"),
        ([DetectVoice(threshold=0), AudioStart(16_000, 2, 1)], "bad-value", "threshold is 0.0; it must be above 0"),
        ([Event("detect-voice", {"min_speech_ms": -1})], "bad-value", "'min_speech_ms'"),
        ([Event("detect-voice", {"activity": "yes"})], "bad-value", "'activity'"),
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
        assert len(edges(await hear(client, DetectVoice(), *audio(speech())))) == 2


async def test_chunks_without_sound_and_unknown_events_are_nothing(uri: str) -> None:
    start, *chunks, stop = audio(speech())
    empty = AudioChunk(16_000, 2, 1, b"")
    async with AsyncClient.from_uri(uri) as client:
        events = [start, empty, *(event for chunk in chunks for event in (chunk, empty)), Event("who-knows"), stop]
        assert edges(await hear(client, *events)) == edges(await _alone(uri, audio(speech())))
        assert await hear(client, start, stop) == []
        assert await hear(client, start, empty, stop) == []


async def test_minutes_of_silence_are_answered_by_nothing(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        answers = await hear(client, *audio(silence(120_000), size=64_000))
        assert answers == []


async def test_many_listeners_are_heard_at_once_and_one_too_many_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners = 24
    monkeypatch.setattr("wyoming_servers.vad.LISTENERS", dict.fromkeys(LISTENERS, listeners))
    async with serving(JOB) as uri:
        await _many(uri, listeners)


async def _many(uri: str, listeners: int) -> None:
    start, *chunks, stop = audio(speech("Stop."))
    clients = [AsyncClient.from_uri(uri) for _ in range(listeners + 1)]
    try:
        for client in clients:
            await client.connect()
            await send(client, start)
        for client in clients[:-1]:
            await send(client, *chunks)
        await asyncio.gather(*(until(client, "voice-stopped") for client in clients[:-1]))
        last = clients[-1]
        await send(last, Ping())
        assert (await receive(last)).type == "pong"
        await send(clients[0], stop)
        assert (await receive(clients[0])).type == "audio-stop"
        assert len(await hear(last, *chunks, stop)) == 2
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients))
    assert len(edges(await _alone(uri, audio(speech())))) == 2  # a client that just goes gives its place back


async def test_a_worker_that_dies_is_told_and_replaced() -> None:
    """Those that listen to the old one are told; who comes after is heard by the new one, and disturbed by nobody."""
    start, *chunks, stop = audio(speech())
    async with serving(JOB) as uri, AsyncClient.from_uri(uri) as old, AsyncClient.from_uri(uri) as new:
        expected = edges(await _alone(uri, audio(speech())))
        await send(old, start, *chunks[:10])
        (worker,) = psutil.Process().children()[-1:]
        await until_heard(old)
        worker.kill()
        await asyncio.to_thread(worker.wait, 10)
        heard = asyncio.create_task(hear(new, start, *chunks, stop))
        await asyncio.sleep(0.5)
        await send(old, *chunks[10:20])
        error = Error.from_event((await until(old, "error"))[-1])
        assert error.code in {"worker-died", "engine"}
        assert edges(await heard) == expected
        await send(old, stop)
        assert edges(await hear(old, start, *chunks, stop)) == expected


async def until_heard(client: AsyncClient) -> None:
    """Wait until what was sent is worked on."""
    await send(client, Ping())
    await until(client, "pong")
    await asyncio.sleep(0.1)


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    async with serving(JOB, uri=f"unix://{tmp_path}/vad.socket") as uri:
        assert [name for name, _ in edges(await _alone(uri, audio(speech())))] == ["voice-started", "voice-stopped"]


async def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_MIN_SPEECH_MS", "3000")
    async with serving(JOB, "--threshold", "0.4") as uri, AsyncClient.from_uri(uri) as client:
        assert await hear(client, *audio(speech())) == []
        assert len(await hear(client, DetectVoice(min_speech_ms=100), *audio(speech()))) == 2
    with pytest.raises(BadInput, match=r"threshold is 3\.0"):
        async with serving(JOB, "--threshold", "3"):
            pass


async def test_real_speech(uri: str, shared: Path) -> None:
    import wave

    folder = shared / "media" / "coffee"
    for path in sorted(folder.glob("*.wav"))[:: len(json.loads((folder / "labels.json").read_text())) // 8 or 1]:
        with wave.open(str(path)) as file:
            form = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            pcm = file.readframes(file.getnframes())
        answers = await _alone(uri, audio(pcm, rate=form[0], width=form[1], channels=form[2]))
        assert [name for name, _ in edges(answers)] == ["voice-started", "voice-stopped"], path.name
