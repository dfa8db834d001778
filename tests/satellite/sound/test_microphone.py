from __future__ import annotations

import asyncio
import threading

import pytest

from satellite.sound import microphone
from satellite.sound.microphone import CHUNK_BYTES, GONE_S, WAITING_CHUNKS, Intake, MicrophoneError
from tests.satellite.fast import Fast
from tests.satellite.sounds import silence, tone
from wyoming_servers.wire import UnsupportedAudio


async def test_chunks_have_their_place_and_time() -> None:
    intake = Intake()
    pcm = tone(0.05)
    intake.push(pcm, 10.05)
    first, second = await intake.next(), await intake.next()
    assert first.pcm + second.pcm == pcm[: 2 * CHUNK_BYTES]
    assert (first.position, second.position) == (0, 320)
    assert [first.time, second.time] == pytest.approx([10.0, 10.02])
    intake.push(pcm, 10.10)
    third = await intake.next()
    assert third.pcm == pcm[2 * CHUNK_BYTES :] + pcm[: CHUNK_BYTES // 2]
    assert third.position == 640
    assert third.time == pytest.approx(10.04)


async def test_any_format_becomes_16_khz_mono() -> None:
    intake = Intake(48_000, 2, 2)
    mono = tone(0.5, rate=48_000)
    stereo = b"".join(mono[index : index + 2] * 2 for index in range(0, len(mono), 2))
    for begin in range(0, len(stereo), 1001):  # no whole samples
        intake.push(stereo[begin : begin + 1001], 1.0)
    chunks = [await intake.next() for _ in range(20)]
    assert all(len(chunk.pcm) == CHUNK_BYTES for chunk in chunks)
    with pytest.raises(UnsupportedAudio, match="rate"):
        Intake(0, 2, 1)


async def test_what_nobody_takes_is_dropped_oldest_first_and_counted() -> None:
    intake = Intake()
    for _ in range(WAITING_CHUNKS + 7):
        intake.push(bytes(CHUNK_BYTES), 0.0)
    assert intake.dropped == 7
    assert (await intake.next()).position == 7 * 320


async def test_sound_comes_from_another_thread() -> None:
    intake = Intake()
    thread = threading.Timer(0.05, intake.push, (bytes(CHUNK_BYTES), 0.0))
    thread.start()
    assert (await intake.next()).position == 0
    thread.join()


async def test_the_end_is_told_after_what_has_come() -> None:
    intake = Intake()
    intake.push(bytes(CHUNK_BYTES), 0.0)
    intake.fail(MicrophoneError("unplugged"))
    await intake.next()
    with pytest.raises(MicrophoneError, match="unplugged"):
        await intake.next()


async def test_a_microphone_that_gives_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "SILENT_S", 0.05)
    with pytest.raises(MicrophoneError, match=r"no sound for 0\.05 s"):
        await asyncio.wait_for(Intake().next(), 60)


async def test_one_that_has_given_nothing_for_long_has_a_problem() -> None:
    fast = Fast(silence(1.0))
    assert fast.problem(100.0) == "the microphone has given nothing yet"
    with pytest.raises(MicrophoneError):
        async with fast:
            async for _ in fast:
                assert fast.problem(1.0) is None
    assert fast.problem(0.98 + GONE_S) is None
    assert fast.problem(11.0) == "the microphone has given nothing for 10 s"
