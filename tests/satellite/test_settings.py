from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from satellite.controls import Controls
from satellite.settings import Settings, recall, settings_file
from tests.satellite.houses import until


async def test_mute_and_volume_are_remembered(tmp_path: Path) -> None:
    path = settings_file(tmp_path / "new", "Küche 🍳")
    assert (recall(path).muted, recall(path).volume) == (False, 100)
    controls = recall(path)
    async with Settings(controls, path):
        controls.volume = 30
        controls.muted = True
        controls.camera = False
        await until(path.exists)
        kept = recall(path)
        assert (kept.muted, kept.volume, kept.camera) == (True, 30, False)
        controls.muted = False
        await asyncio.sleep(0)
    assert (recall(path).muted, recall(path).volume) == (False, 30)  # what changed last of all
    controls.volume = 20
    assert recall(path).volume == 30
    assert path != settings_file(tmp_path / "new", "Küche")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[1]", b'{"muted": 1}', b'{"volume": 101}', b'{"volume": "loud"}', b"\xff", b"[" * 4000],
)
def test_what_makes_no_sense_is_told_and_passed_over(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "settings"
    path.write_bytes(content)
    controls = recall(path)
    assert (controls.muted, controls.volume) == (False, 100)
    assert f"{path} cannot be used" in caplog.text


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    controls = Controls()
    async with Settings(controls, tmp_path / "file" / "settings"):
        controls.volume = 1
        await asyncio.sleep(0)
    assert "mute, volume and camera will be forgotten" in caplog.text
