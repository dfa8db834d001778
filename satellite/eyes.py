"""The eyes: a camera that films, and an image server that is shown what it sees whenever there is one."""

from __future__ import annotations

import asyncio
import logging

from camera.camera import Camera
from camera.flow import Flow
from camera.sightings import Sightings
from camera.source import CameraError
from wyoming_servers.wire import WireError, connect
from wyoming_servers.wire.tasks import first_of

from .network.house import Servers
from .retry import Retry, keep_open

_LOGGER = logging.getLogger(__name__)


class Eyes:
    """One room's. Whoever wants more than the sightings watches the camera."""

    def __init__(self, camera: Camera, servers: Servers) -> None:
        self.camera = camera
        self.sightings = Sightings()
        self._servers = servers

    async def run(self) -> None:
        """Look until cancelled.

        Raises `CameraError` where the camera never worked; one that did is opened again as often as it takes.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                film = keep_open(self.camera.run, CameraError, worked=lambda: self.camera.has_seen)
                tasks.create_task(film, name="camera")
                tasks.create_task(self._show(), name="image")
        except ExceptionGroup as group:
            raise first_of(group) from None

    async def _show(self) -> None:
        """Show an image server what the camera sees, whenever there is one."""
        retry = Retry()
        while True:
            servers = self._servers.candidates("image")
            if not servers:
                await self._servers.changed()
                continue
            try:
                async with await connect(servers[0].uri) as connection:
                    await Flow(connection, self.camera, self.sightings).run()
            except WireError as error:
                _LOGGER.info("image: %s", error)
                self._servers.mark_failed(servers[0])
            await retry.wait()
