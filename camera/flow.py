"""Frames to an image server and sightings back, over one connection, as fast as the server gives credits."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from wyoming.error import Error
from wyoming.event import Event

from camera.camera import Camera, Frame, Look
from camera.sightings import Sightings
from wyoming_servers.wire import Connection, ConnectionLost, Fields, PeerError
from wyoming_servers.wire.image import Classification, Image, ImageCredit
from wyoming_servers.wire.tasks import first_of

DEADLINE_MS = 2000
"""How long an answer is worth having: the handle server is told of nothing older than 5 s."""

SILENT_S = 10.0
"""A server that leaves a frame unanswered for so long is taken for dead."""


class Flow:
    """One conversation with an image server."""

    def __init__(self, connection: Connection, camera: Camera, sightings: Sightings) -> None:
        self._connection = connection
        self._camera = camera
        self._sightings = sightings
        self._credits = 1
        self._unanswered: OrderedDict[str, Frame] = OrderedDict()  # by their images' ids
        self._sent = 0
        self._room = asyncio.Event()

    async def run(self) -> None:
        """Send frames and take sightings until cancelled; raise `WireError` when the server fails.

        What waits unsent in the camera's mailbox stays there, for the next server.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._receive())
        except ExceptionGroup as group:
            raise first_of(group) from None

    async def _send(self) -> None:
        while True:
            while len(self._unanswered) >= self._credits:
                self._room.clear()
                await self._room.wait()
            frame = await self._camera.mailbox.take()
            if (time.monotonic() - frame.time) * 1000 > DEADLINE_MS:
                self._camera.mailbox.drop("expired")
                continue
            if not self._camera.on:
                self._camera.mailbox.drop("off")
                continue
            self._sent += 1
            image_id = str(self._sent)
            self._unanswered[image_id] = frame
            await self._connection.send(
                Image(
                    id=image_id,
                    format="jpeg",
                    width=frame.width,
                    height=frame.height,
                    image=frame.jpeg,
                    timestamp=round(frame.time * 1000),
                    deadline_ms=DEADLINE_MS,
                )
            )

    async def _receive(self) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    event = await self._connection.receive()
            except TimeoutError:
                if self._unanswered:
                    raise ConnectionLost(f"{self._connection.peer} said nothing for {SILENT_S:g} s") from None
                continue
            if event is None:
                raise ConnectionLost(f"{self._connection.peer} ended the connection")
            self._take(event)

    def _take(self, event: Event) -> None:
        if ImageCredit.is_type(event.type):
            self._credits = ImageCredit.from_event(event).credits
        elif Classification.is_type(event.type):
            answer = Classification.from_event(event)
            frame = self._unanswered.pop(answer.id, None)
            if answer.status != "ok":
                self._camera.mailbox.drop(answer.status)
            elif frame is not None:
                self._sightings.saw(self._camera.name, answer.labels, frame.time)
                self._camera.looked(Look(frame, tuple(answer.labels)))
        elif Error.is_type(event.type):
            raise PeerError(Fields("error", event.data).text("text", default="an error without a text"))
        self._room.set()
