"""What keeps a satellite from its work, told as long as it does: in /healthz, by which it may be started anew."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from satellite.controls import Controls
from satellite.eyes import Eyes
from satellite.satellite import Satellite
from satellite.sound.clips import ClipMicrophone
from satellite.sound.sound_command import CommandSink
from satellite.sound.speaker import Speaker, SpeakerError
from tests.satellite.houses import House, until
from tests.satellite.sounds import tone


async def test_a_camera_that_is_lost_is_a_problem_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'wyoming-hearth[camera]'")
    from camera.camera import Camera
    from camera.figure import draw_figure

    monkeypatch.setattr("satellite.retry.backoff", lambda *_: iter([0.05] * 1000))
    monkeypatch.setattr("camera.camera.GONE_S", 0.5)
    folder, away = tmp_path / "pictures", tmp_path / "away.png"
    folder.mkdir()
    cv2.imwrite(str(away), draw_figure(320, 240))
    shutil.copy(away, folder / "shown.png")
    controls = Controls()
    satellite = Satellite(
        ClipMicrophone(),
        Speaker("s", lambda _: CommandSink("cat")),
        House(),
        eyes=Eyes(Camera(str(folder), fps=20, name="door"), House()),
        controls=controls,
    )
    running = asyncio.create_task(satellite.run())
    await until(lambda: not satellite.problems())
    (folder / "shown.png").unlink()
    await until(lambda: satellite.problems() == ["camera 'door' has given no picture for 1 s"])
    controls.camera = False
    assert satellite.problems() == [], "who switched it off does not miss it"
    controls.camera = True
    await until(satellite.problems)
    shutil.copy(away, folder / "shown.png")
    await until(lambda: not satellite.problems())
    running.cancel()
    await asyncio.wait([running])


async def test_a_speaker_that_is_lost_is_a_problem_until_it_is_heard_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    speaker = Speaker("s", lambda _: CommandSink(f"sh -c 'test -e {broken} && {{ echo no card >&2; exit 1; }}; cat'"))
    microphone = ClipMicrophone()
    satellite = Satellite(microphone, speaker, House())
    running = asyncio.create_task(satellite.run())
    await until(lambda: not satellite.problems())

    async def say() -> None:
        async with speaker.play("x") as playback:
            await playback.write(tone(0.2, rate=22_050), (22_050, 2, 1))

    await say()
    assert satellite.problems() == []
    broken.touch()
    with pytest.raises(SpeakerError):
        await say()
    (problem,) = satellite.problems()
    assert problem.endswith("ended: no card")
    broken.unlink()
    async with speaker.play("x") as playback:
        playback.stop()
    assert satellite.problems() == [problem], "nothing was heard yet"
    await say()
    assert satellite.problems() == []
    running.cancel()
    await asyncio.wait([running])
