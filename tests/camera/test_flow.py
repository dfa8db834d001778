from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from wyoming.error import Error
from wyoming.event import Event

from camera import flow as flow_module
from camera.camera import Camera, Frame, Look, encode
from camera.flow import Flow
from camera.sightings import Sightings
from wyoming_servers.service import Client, Service, Session
from wyoming_servers.wire import ConnectionLost, Info, PeerError, RequestError, WireError, connect, connect_to
from wyoming_servers.wire.image import Classification, Image, ImageCredit, LabelScore

pytest.importorskip("cv2", reason="OpenCV is not installed")

Answer = Callable[[Client, Image], Awaitable[None]]


class Images(Session):
    """Answers images as the test says."""

    def __init__(self, client: Client, answer: Answer) -> None:
        super().__init__(client)
        self._answer = answer

    async def handle(self, event: Event) -> None:
        if Image.is_type(event.type):
            await self._answer(self.client, Image.from_event(event))


def frame(taken_at: float | None = None) -> Frame:
    return encode(np.zeros((48, 64, 3), np.uint8), time.monotonic() if taken_at is None else taken_at)


async def converse(answer: Answer, camera: Camera, sightings: Sightings, seconds: float = 1.0) -> None:
    service = Service(Info(), lambda client: Images(client, answer))
    async with service.listen("tcp://127.0.0.1:0") as uri, connect_to(uri) as connection:
        try:
            async with asyncio.timeout(seconds):
                await Flow(connection, camera, sightings).run()
        except TimeoutError:
            pass


async def test_sightings_come_back_with_the_frames_age() -> None:
    camera, sightings = Camera("unused", name="door"), Sightings()
    images: list[Image] = []

    async def answer(client: Client, image: Image) -> None:
        images.append(image)
        await client.send(Classification(image.id, "m", "ok", [LabelScore("person", 0, 0.9, (0.1, 0.2, 0.3, 0.4))]))

    taken_at = time.monotonic() - 0.5
    looks: list[Look] = []
    camera.watch(looks.append)
    shown = frame(taken_at)
    camera.mailbox.put(shown)
    await converse(answer, camera, sightings, 0.3)
    (image,), (look,) = images, looks
    assert (look.frame, [label.name for label in look.labels]) == (shown, ["person"])
    assert (image.format, image.width, image.height, image.deadline_ms) == ("jpeg", 64, 48, flow_module.DEADLINE_MS)
    assert sightings.listed(taken_at + 1) == [{"name": "person", "score": 0.9, "age_ms": 1000, "camera": "door"}]


async def test_no_more_frames_than_credits() -> None:
    camera, sightings = Camera("unused"), Sightings()
    waiting: list[tuple[Client, Image]] = []
    most = 0

    async def answer(client: Client, image: Image) -> None:
        nonlocal most
        waiting.append((client, image))
        most = max(most, len(waiting))
        if most == 1:
            await client.send(ImageCredit(3))

    async def feed() -> None:
        for number in range(40):
            camera.mailbox.put(frame())
            await asyncio.sleep(0.01)
            if number >= 20 and waiting:
                client, image = waiting.pop(0)
                await client.send(Classification(image.id, "m", "ok"))

    feeding = asyncio.create_task(feed())
    await converse(answer, camera, sightings, 0.8)
    await feeding
    assert most == 3
    assert camera.mailbox.dropped["replaced"] > 10


async def test_what_is_not_classified_is_counted_by_reason() -> None:
    camera, sightings = Camera("unused"), Sightings()
    statuses = ["busy", "expired", "superseded", "invalid"]

    async def answer(client: Client, image: Image) -> None:
        await client.send(Classification(image.id, "m", statuses.pop(0)))
        if statuses:
            camera.mailbox.put(frame())

    camera.mailbox.put(frame(time.monotonic() - 60))  # too old to be sent
    asyncio.get_running_loop().call_later(0.05, camera.mailbox.put, frame())
    await converse(answer, camera, sightings, 0.3)
    assert dict(camera.mailbox.dropped) == {"busy": 1, "expired": 2, "superseded": 1, "invalid": 1}
    assert sightings.listed(time.monotonic()) is None


async def test_a_server_that_fails_ends_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, "SILENT_S", 0.1)
    camera, sightings = Camera("unused"), Sightings()

    async def refuse(client: Client, _image: Image) -> None:
        await client.send(Error(text="no room", code="busy"))

    async def garbage(client: Client, _image: Image) -> None:
        await client.send(Event("classification", {"id": 5}))

    async def silence(_client: Client, _image: Image) -> None:
        pass

    for answer, error, message in (
        (refuse, PeerError, "no room"),
        (garbage, RequestError, "'id' of 'classification'"),
        (silence, ConnectionLost, "said nothing"),
    ):
        camera.mailbox.put(frame())
        with pytest.raises(error, match=message):
            await converse(answer, camera, sightings)


async def test_a_server_that_goes_ends_the_flow() -> None:
    camera = Camera("unused")

    async def answer(_client: Client, _image: Image) -> None:
        pass

    service = Service(Info(), lambda client: Images(client, answer))
    async with service.listen("tcp://127.0.0.1:0") as uri:
        peer = await connect(uri)
        running = asyncio.create_task(Flow(peer, camera, Sightings()).run())
        await asyncio.sleep(0.05)
    async with peer:
        with pytest.raises(WireError):
            await asyncio.wait_for(running, 60)


async def test_no_frame_of_a_camera_that_is_off() -> None:
    camera = Camera("unused")
    images: list[Image] = []

    async def answer(_: Client, image: Image) -> None:
        images.append(image)

    camera.mailbox.put(frame())
    camera.on = False
    await converse(answer, camera, Sightings(), 0.3)
    assert images == []
    assert camera.mailbox.dropped["off"] == 1
