from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from satellite.sound.microphone import MicrophoneError
from satellite.sound.sound_command import HUNGRY_S, CommandMicrophone, CommandSink, to_format
from satellite.sound.speaker import Speaker, SpeakerError
from tests.satellite.houses import until
from tests.satellite.sounds import tone

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
    async with asyncio.timeout(60):
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


async def heard(log: Path) -> list[tuple[float, int, int]]:
    """Return when how many samples were heard, and the loudest of them."""
    lines = [line.split() for line in log.read_text().splitlines()]  # noqa: ASYNC240
    return [(float(at), int(samples), int(peak)) for at, samples, peak in lines]


def player(log: Path, holds_s: float) -> str:
    return f"{sys.executable} -P {Path(__file__).parents[1] / 'player.py'} {log} {holds_s}"


@pytest.mark.parametrize("volumes", [(100, 10), (10, 100), (100, 0)])
async def test_another_volume_is_heard_at_once_and_nothing_is_lost(tmp_path: Path, volumes: tuple[int, int]) -> None:
    log = tmp_path / "heard"
    speaker = Speaker("s", lambda _: CommandSink(player(log, holds_s=0.1)))
    speaker.volume, then = volumes
    async with speaker.play("x") as playback:
        await playback.write(tone(2, rate=22_050), SOUND)
        await asyncio.sleep(0.8)
        changed, speaker.volume = time.monotonic(), then
        await playback.finished()
        ended = time.monotonic()
    pieces = await heard(log)
    assert sum(samples for _, samples, _ in pieces) == 2 * 22_050
    assert pieces[0][2] == pytest.approx(16_383 * volumes[0] / 100, rel=0.02)
    new = [at for at, _, peak in pieces[:-1] if peak == pytest.approx(16_383 * then / 100, rel=0.02, abs=1)]
    assert len(new) > 20
    assert changed <= new[0] < changed + 0.4, "0.12 s where nothing else runs; without care it is the end of the sound"
    assert ended >= pieces[-1][0]


async def test_a_command_that_takes_everything_does_not_get_it_long_before_it_is_heard(tmp_path: Path) -> None:
    out = tmp_path / "out.raw"
    async with Speaker("s", lambda _: CommandSink(f"sh -c 'cat > {out}'")).play("x") as playback:
        await playback.write(tone(10, rate=22_050), SOUND)
        await until(lambda: out.exists() and out.stat().st_size >= HUNGRY_S * 44_100)
        await asyncio.sleep(0.2)
        assert out.stat().st_size < (HUNGRY_S + 2) * 44_100
        playback.stop()


@pytest.mark.parametrize(
    "sound",
    [(22_050, 2, 1), (48_000, 2, 2), (192_000, 4, 8), (8_000, 1, 1)],
    ids=lambda sound: "-".join(map(str, sound)),
)
async def test_every_format_reaches_the_command_whole(tmp_path: Path, sound: tuple[int, int, int]) -> None:
    out = tmp_path / "out.raw"
    rate, width, channels = sound
    pcm = tone(0.5, rate=rate)
    async with Speaker("s", lambda _: CommandSink(f"sh -c 'cat > {out}'", sound)).play("x") as playback:
        await playback.write(pcm, (rate, 2, 1))
    assert out.read_bytes() == to_format(pcm, width, channels)


def test_aplay_holds_little_unless_somebody_says_how_much(tmp_path: Path) -> None:
    said = tmp_path / "said"
    aplay = tmp_path / "aplay"
    aplay.write_text(f'#!/bin/sh\necho "$@" > {said}\ncat > /dev/null\n')
    aplay.chmod(0o700)

    async def play(options: str) -> str:
        async with Speaker("s", lambda _: CommandSink(f"{aplay} {options}")).play("x") as playback:
            await playback.write(tone(0.1, rate=22_050), SOUND)
        return said.read_text().strip()

    assert asyncio.run(play("-q -t raw")) == "--buffer-time=100000 -q -t raw"
    assert asyncio.run(play("-q -B 400000 -t raw")) == "-q -B 400000 -t raw"


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
    async with asyncio.timeout(60):
        async with CommandMicrophone("cat /dev/zero"):
            await asyncio.sleep(0.3)


async def test_a_microphone_whose_child_lives_on_can_be_closed() -> None:
    async with asyncio.timeout(60):
        async with CommandMicrophone("sh -c 'setsid sleep 90 & cat /dev/zero'"):
            await asyncio.sleep(0.3)


async def test_a_speaker_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound.sound_command._LATE_S", 0.2)
    with pytest.raises(SpeakerError, match="did not end"):
        async with Speaker("s", lambda _: CommandSink("sleep 100")).play("x") as playback:
            await playback.write(tone(0.1, rate=22_050), SOUND)


async def test_a_speaker_that_takes_nothing_is_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound.sound_command.AHEAD_S", 0.0)
    monkeypatch.setattr("satellite.sound.sound_command._LATE_S", 1.0)
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
