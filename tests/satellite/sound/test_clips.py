from __future__ import annotations

import asyncio
import time
import tracemalloc
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from satellite.sound.clips import HISS, ClipMicrophone, find_clips, play_files
from satellite.sound.microphone import Chunk, MicrophoneError
from tests.satellite.sounds import silence, tone
from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import write_wav


async def hear(microphone: ClipMicrophone, chunks: list[Chunk]) -> None:
    async for chunk in microphone:
        chunks.append(chunk)  # noqa: PERF401 - it never ends


async def test_a_clip_is_heard_whole_and_its_times_are_those_of_its_chunks() -> None:
    clip = silence(0.1) + tone(0.11) + silence(0.05)
    chunks: list[Chunk] = []
    async with ClipMicrophone(hiss=0) as microphone:
        listener = asyncio.create_task(hear(microphone, chunks))
        await asyncio.sleep(0.05)
        times = await microphone.play(clip)
        again = await microphone.play(clip)
        await asyncio.sleep(0.05)
        listener.cancel()
    heard = b"".join(chunk.pcm for chunk in chunks)
    begin = heard.index(clip)
    assert begin > 0
    assert heard.count(clip) == 2
    chunk = chunks[begin // 640]
    assert chunk.time == pytest.approx(times.began, abs=1e-6)
    assert times.speech_began - times.began == pytest.approx(0.1)
    assert times.speech_ended - times.began == pytest.approx(0.21)
    assert times.ended - times.began == pytest.approx(0.26)
    assert again.began >= times.ended
    assert all(after.position - before.position == 320 for before, after in pairwise(chunks))


async def test_a_clip_broken_off_leaves_nothing_behind() -> None:
    chunks: list[Chunk] = []
    async with ClipMicrophone(hiss=0) as microphone:
        listener = asyncio.create_task(hear(microphone, chunks))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(microphone.play(tone(5)), 0.1)
        mark = len(chunks)
        short = tone(0.06, hertz=700)
        await asyncio.wait_for(microphone.play(short), 60)
        await asyncio.sleep(0.05)
        listener.cancel()
    assert short in b"".join(chunk.pcm for chunk in chunks[mark:])


async def test_a_silent_clip_is_refused() -> None:
    async with ClipMicrophone(hiss=0) as microphone:
        with pytest.raises(MicrophoneError, match="silent"):
            await microphone.play(silence(1))


async def test_files_are_played_once_the_house_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound.clips.QUIET_S", 0.1)
    for name, hertz in (("b.wav", 500), ("a.wav", 300)):
        write_wav(tmp_path / name, tone(0.1, hertz=hertz), 16_000)
    asked: list[float] = []

    async def ready() -> None:
        asked.append(time.monotonic())

    chunks: list[Chunk] = []
    async with ClipMicrophone(hiss=0) as microphone:
        listener = asyncio.create_task(hear(microphone, chunks))
        await play_files(microphone, find_clips(tmp_path), ready)
        listener.cancel()
    heard = b"".join(chunk.pcm for chunk in chunks)
    assert heard.index(tone(0.1, hertz=300)) < heard.index(tone(0.1, hertz=500))
    assert asked[1] - asked[0] >= 0.2


async def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MicrophoneError, match=r"missing\.wav: no such file"):
        find_clips(tmp_path / "missing.wav")
    with pytest.raises(MicrophoneError, match=r"no \.wav file"):
        find_clips(tmp_path)
    bad = tmp_path / "bad.wav"
    for content, message in ((b"RIFFnothing", "not a WAV file"), (b"", "not a WAV file")):
        bad.write_bytes(content)
        with pytest.raises(UnsupportedAudio, match=rf"bad\.wav: {message}"):
            find_clips(bad)
    write_wav(bad, b"", 16_000)
    with pytest.raises(UnsupportedAudio, match=r"bad\.wav: the file holds no sound"):
        find_clips(tmp_path)

    async def ready() -> None:
        bad.unlink()

    async with ClipMicrophone(hiss=0) as microphone:
        with pytest.raises(UnsupportedAudio, match=r"bad\.wav: No such file"):
            await play_files(microphone, [bad], ready)


async def test_files_of_any_format_and_length(tmp_path: Path) -> None:
    chunks: list[Chunk] = []
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
        file.setparams((2, 3, 44_100, 0, "NONE", ""))
        file.writeframes(b"\0\0\x40" * 2 * 44_100)
    tracemalloc.start()
    write_wav(tmp_path / "long.wav", bytes(60_000_000), 16_000)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    async with ClipMicrophone(hiss=0) as microphone:
        listener = asyncio.create_task(hear(microphone, chunks))
        await asyncio.wait_for(microphone.play_file(tmp_path / "stereo.wav"), 60)
        levels = [int.from_bytes(chunk.pcm[320:322], "little", signed=True) for chunk in chunks]
        assert sum(abs(level - 0x4000) < 100 for level in levels) == pytest.approx(50, abs=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(microphone.play_file(tmp_path / "long.wav"), 0.2)
        listener.cancel()
    assert tracemalloc.get_traced_memory()[1] - before < 1_000_000
    tracemalloc.stop()


async def test_a_room_is_never_quite_silent() -> None:
    chunks: list[Chunk] = []
    async with ClipMicrophone() as microphone:
        listener = asyncio.create_task(hear(microphone, chunks))
        await microphone.play(tone(0.1, level=1.0))
        await asyncio.sleep(0.1)
        listener.cancel()
    samples = np.frombuffer(chunks[-1].pcm, "<i2")
    assert 20 < np.abs(samples).max() <= HISS
    assert max(np.frombuffer(chunk.pcm, "<i2").max() for chunk in chunks) > 32_000
