"""What a satellite remembers of its controls over a restart: mute, volume and camera, in a small file of its own."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

from wyoming_servers.wire import BadValue, Fields

from .controls import Control, Controls
from .keeping import Keeper, read_kept
from .naming import slug

_LOGGER = logging.getLogger(__name__)

_WAIT_S = 0.5
"""Someone who moves a slider moves it on: only where it comes to rest is written."""

_MOST_BYTES = 4096


def settings_file(data_dir: Path, satellite: str) -> Path:
    """Return where the settings of the satellite of this name are kept."""
    return data_dir / f"satellite-{slug(satellite)}.json"


def recall(path: Path) -> Controls:
    """Return controls as they were left; as new where nothing, or nothing that makes sense, was kept."""
    try:
        fields = Fields("settings", read_kept(path, _MOST_BYTES))
        return Controls(
            muted=fields.flag("muted", default=False),
            volume=fields.whole("volume", least=0, most=100, default=100),
            camera=fields.flag("camera", default=True),
        )
    except FileNotFoundError:
        return Controls()
    except (OSError, BadValue) as error:
        _LOGGER.warning(
            "%s cannot be used (%s): the satellite is as loud as can be, and neither muted nor blind", path, error
        )
        return Controls()


class Settings(Keeper):
    """Keeps mute, volume and camera of `controls` in the file `path` whenever they become others."""

    def __init__(self, controls: Controls, path: Path) -> None:
        super().__init__(path, "mute, volume and camera")
        self._controls = controls

    def _watch(self) -> Callable[[], None]:
        return self._controls.watch(self._used)

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_WAIT_S)
            await self._write()

    def _used(self, control: Control) -> None:
        if control in {Control.MUTE, Control.VOLUME, Control.CAMERA}:
            self._changed.set()

    def _text(self) -> str:
        settings = {"muted": self._controls.muted, "volume": self._controls.volume, "camera": self._controls.camera}
        return json.dumps(settings)
