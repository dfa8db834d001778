from __future__ import annotations

import asyncio
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from satellite.sound import speaker as speaker_module
from satellite.sound.answers import FolderSink
from satellite.sound.speaker import Speaker, SpeakerError
from tests.satellite.sounds import silence, tone
from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import read_wav

SOUND = (22_050, 2, 1)


def folder(path: Path) -> Speaker:
    return Speaker("folder", lambda name: FolderSink(path, name))


async def test_an_answer_takes_as_long_as_it_is_and_is_kept(tmp_path: Path) -> None:
    pcm = silence(0.1, rate=22_050) + tone(0.2, rate=22_050)
    began = time.monotonic()
    async with folder(tmp_path).play("answer") as playback:
        await playback.write(pcm[:2000], SOUND)
        await playback.write(pcm[2000:], SOUND)
        assert playback.first_sound is not None
        assert playback.first_sound - began == pytest.approx(0.1, abs=0.05)
        assert playback.ended is None
        await playback.finished()
        assert playback.ended is not None
        assert playback.ended - began >= 0.3
    assert playback.path == tmp_path / "answer.wav"
    assert read_wav(playback.path, 22_050) == pcm


async def test_formats_may_change_within_an_answer(tmp_path: Path) -> None:
    async with folder(tmp_path).play("mixed") as playback:
        await playback.write(tone(0.1, rate=22_050), SOUND)
        await playback.write(tone(0.1, rate=48_000), (48_000, 2, 1))
        await playback.write(bytes([128]) * 1600, (16_000, 1, 1))
        with pytest.raises(UnsupportedAudio, match="rate"):
            await playback.write(b"", (1, 2, 1))
    assert len(read_wav(tmp_path / "mixed.wav", 22_050)) / 44_100 == pytest.approx(0.3, abs=0.01)


async def test_stop_is_at_once(tmp_path: Path) -> None:
    async with folder(tmp_path).play("long") as playback:
        await playback.write(tone(10, rate=22_050), SOUND)
        finishing = asyncio.create_task(playback.finished())
        await asyncio.sleep(0.05)
        before = time.monotonic()
        playback.stop()
        await finishing
        assert time.monotonic() - before < 0.1
        assert playback.stopped
        assert playback.unheard == 0
        await playback.write(tone(10, rate=22_050), SOUND)
    assert playback.ended is not None
    assert playback.ended - before < 0.1


async def test_an_error_or_cancel_stops_it(tmp_path: Path) -> None:
    speaker = folder(tmp_path)

    async def talk() -> None:
        async with speaker.play("cancelled") as playback:
            await playback.write(tone(10, rate=22_050), SOUND)

    task = asyncio.create_task(talk())
    await asyncio.sleep(0.05)
    before = time.monotonic()
    task.cancel()
    await asyncio.wait([task])
    assert time.monotonic() - before < 0.1


async def test_writing_waits_while_much_lies_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "AHEAD_S", 0.1)
    before = time.monotonic()
    async with folder(tmp_path).play("ahead") as playback:
        await playback.write(tone(0.3, rate=22_050), SOUND)
        assert time.monotonic() - before >= 0.19


async def test_volume_is_a_share_of_the_loudness(tmp_path: Path) -> None:
    speaker = folder(tmp_path)
    speaker.volume = 50
    async with speaker.play("half") as playback:
        await playback.write(tone(0.1, rate=22_050, level=0.8), SOUND)
    with wave.open(str(tmp_path / "half.wav"), "rb") as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(samples) == pytest.approx(0.4 * 32767, rel=0.01)


async def test_what_stays_unsaid_leaves_no_file(tmp_path: Path) -> None:
    async with folder(tmp_path).play("nothing") as playback:
        pass
    assert playback.path is None
    assert playback.first_sound is None
    assert not (tmp_path / "nothing.wav").exists()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SpeakerError, match=r"file/answer\.wav"):
        async with folder(tmp_path / "file").play("answer") as playback:
            await playback.write(tone(0.1), (16_000, 2, 1))


def test_another_volume_begins_without_a_step(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path, "x")
    volume = 100
    sink.volume = lambda: volume
    steady = np.full(441, 10_000, "<i2").tobytes()
    assert sink.loud(steady) == steady
    volume = 20
    falling = np.frombuffer(sink.loud(steady), "<i2")
    assert (falling[0], falling[-1]) == (10_000, 2_000)
    assert np.abs(np.diff(falling)).max() < 25
    assert set(np.frombuffer(sink.loud(steady), "<i2")) == {2_000}
    assert sink.loud(b"") == b""
    volume = 0
    sink.loud(steady)
    assert not any(sink.loud(steady))


async def test_a_volume_that_was_set_before_is_there_from_the_first_sample(tmp_path: Path) -> None:
    speaker = folder(tmp_path)
    speaker.volume = 0
    async with speaker.play("nothing") as playback:
        await playback.write(tone(0.1, rate=22_050), SOUND)
    assert not any(read_wav(tmp_path / "nothing.wav", 22_050))
