from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from satellite.microphone import MicrophoneError
from satellite.sound_command import CommandMicrophone, CommandSink, to_format
from satellite.speaker import Speaker, SpeakerError

from .sounds import tone

SOUND = (22_050, 2, 1)


def python(code: str) -> str:
    return f'{sys.executable} -c "{code}"'


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"  # a zombie waits only for its parent
    except FileNotFoundError:
        return False


async def test_a_command_is_a_microphone() -> None:
    command = python(
        "import sys, time; sys.stderr.write('noise\\n' * 100000); "
        "[(sys.stdout.buffer.write(bytes([i, 0]) * 320), sys.stdout.flush(), time.sleep(0.01)) for i in range(50)]"
    )
    async with CommandMicrophone(command) as microphone:
        first, second = await microphone.intake.next(), await microphone.intake.next()
        assert first.pcm == bytes([0, 0]) * 320
        assert second.pcm == bytes([1, 0]) * 320
        assert abs(second.time + 0.02 - time.monotonic()) < 1


async def test_a_command_that_ends_says_why_and_can_be_started_again() -> None:
    microphone = CommandMicrophone("sh -c 'head -c 640 /dev/zero; echo device busy >&2; exit 3'")
    for _ in range(2):
        async with microphone:
            await microphone.intake.next()
            with pytest.raises(MicrophoneError, match=r"sh .* ended: device busy"):
                await microphone.intake.next()
    async with CommandMicrophone("sh -c 'exit 3'") as silent:
        with pytest.raises(MicrophoneError, match="ended: exit status 3"):
            await silent.intake.next()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/no/such/program -x", "'/no/such/program': no such program"),
        ("", "takes a command such as"),
        ("a 'b", "is no"),
    ],
)
async def test_a_wrong_command_is_named(command: str, message: str) -> None:
    with pytest.raises(MicrophoneError, match=message):
        async with CommandMicrophone(command):
            pass
    with pytest.raises(SpeakerError, match=message):
        async with Speaker("s", lambda _: CommandSink(command)).play("x"):
            pass


async def test_leaving_kills_the_command_and_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with CommandMicrophone(f"sh -c 'sleep 100 & echo $$ $! > {pids}; cat /dev/zero'") as microphone:
        await microphone.intake.next()
    found = [int(pid) for pid in pids.read_text().split()]
    async with asyncio.timeout(5):
        while any(map(alive, found)):  # noqa: ASYNC110 - processes give no event
            await asyncio.sleep(0.01)


async def test_a_command_is_a_speaker(tmp_path: Path) -> None:
    out = tmp_path / "out.raw"
    pcm = tone(0.2, rate=22_050)
    before = time.monotonic()
    async with Speaker("s", lambda _: CommandSink(f"sh -c 'cat > {out}'")).play("x") as playback:
        await playback.write(pcm, SOUND)
    assert playback.ended is not None
    assert playback.ended - before >= 0.2
    assert out.read_bytes() == pcm


async def test_a_speaker_that_dies_says_why_and_does_not_wait() -> None:
    before = time.monotonic()
    with pytest.raises(SpeakerError, match="ended: device busy"):
        async with Speaker("s", lambda _: CommandSink("sh -c 'echo device busy >&2; exit 1'")).play("x") as playback:
            await playback.write(tone(15, rate=22_050), SOUND)
            await playback.finished()
    assert time.monotonic() - before < 5
    with pytest.raises(SpeakerError, match="ended: exit status"):
        async with Speaker("s", lambda _: CommandSink("false")).play("x") as playback:
            for _ in range(100):
                await playback.write(tone(0.1, rate=22_050), SOUND)
                await asyncio.sleep(0.01)


async def test_a_microphone_that_floods_can_be_closed() -> None:
    async with asyncio.timeout(10):
        async with CommandMicrophone("cat /dev/zero"):
            await asyncio.sleep(0.3)


async def test_a_microphone_whose_child_lives_on_can_be_closed() -> None:
    async with asyncio.timeout(10):
        async with CommandMicrophone("sh -c 'setsid sleep 20 & cat /dev/zero'"):
            await asyncio.sleep(0.3)


async def test_a_speaker_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound_command._LATE_S", 0.2)
    with pytest.raises(SpeakerError, match="did not end"):
        async with Speaker("s", lambda _: CommandSink("sleep 100")).play("x") as playback:
            await playback.write(tone(0.1, rate=22_050), SOUND)


async def test_a_speaker_that_takes_nothing_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound_command.AHEAD_S", 0.0)
    monkeypatch.setattr("satellite.sound_command._LATE_S", 1.0)
    with pytest.raises(SpeakerError, match="takes no sound"):
        async with Speaker("s", lambda _: CommandSink("sleep 100")).play("x") as playback:
            for _ in range(50):
                await playback.write(tone(0.1, rate=22_050), SOUND)


async def test_stop_kills_the_command() -> None:
    before = time.monotonic()
    async with Speaker("s", lambda _: CommandSink("sleep 100")).play("x") as playback:
        await playback.write(tone(10, rate=22_050), SOUND)
        playback.stop()
        await playback.finished()
    assert time.monotonic() - before < 2


def test_formats_for_the_command() -> None:
    pcm = b"\x34\x12\x00\x80"
    assert to_format(pcm, 2, 2) == b"\x34\x12\x34\x12\x00\x80\x00\x80"
    assert to_format(pcm, 1, 1) == b"\x92\x00"
    assert to_format(pcm, 3, 1) == b"\x00\x34\x12\x00\x00\x80"
    assert to_format(pcm, 4, 2) == b"\x00\x00\x34\x12" * 2 + b"\x00\x00\x00\x80" * 2
