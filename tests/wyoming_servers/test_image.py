from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import SelectProgram
from wyoming.ping import Ping

from camera.figure import draw_figure
from models.engine import BadInput, EngineError
from models.engines import ENGINES, Choice
from tests.models import tiny_onnx
from tests.wyoming_servers.serving import receive, send, serving, until
from wyoming_servers.image import CREDITS, JOB
from wyoming_servers.wire import describe
from wyoming_servers.wire.image import Classification, Classify, Image, ImageCredit, LabelScore

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri() -> AsyncIterator[str]:
    async with serving(JOB, "--engine", "people") as uri:
        yield uri


@pytest_asyncio.fixture(loop_scope="module")
async def client(uri: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.from_uri(uri) as client:
        yield client


def encoded(picture: npt.NDArray[np.uint8], kind: str = ".jpg") -> bytes:
    return cv2.imencode(kind, picture)[1].tobytes()


FIGURE = encoded(draw_figure(640, 480))
NOBODY = encoded(np.full((480, 640, 3), 200, np.uint8))


def image(number: str = "a", data: bytes = FIGURE, **more: Any) -> Image:
    return Image(id=number, format="jpeg", width=640, height=480, image=data, **more)


async def answers(client: AsyncClient, count: int = 1) -> list[Classification]:
    found: list[Classification] = []
    while len(found) < count:
        event = await receive(client)
        if not ImageCredit.is_type(event.type):
            assert Classification.is_type(event.type), event
            found.append(Classification.from_event(event))
    return found


async def look(client: AsyncClient, wanted: Image) -> Classification:
    await send(client, wanted)
    return (await answers(client))[0]


async def test_it_describes_itself(uri: str) -> None:
    info = await describe(uri)
    assert info.jobs == ["image"]
    (program,) = info.image
    assert (program.name, program.installed) == ("hearth-image", True)
    (model,) = program.models
    assert (model.name, model.installed, model.labels, model.attribution.name) == ("people", True, 1, "OpenCV")


async def test_somebody(client: AsyncClient) -> None:
    answer = await look(client, image("first", timestamp=1234))
    assert (answer.id, answer.model, answer.status, answer.timestamp) == ("first", "people", "ok", 1234)
    (label,) = answer.labels
    assert (label.name, label.index) == ("person", 0)
    assert label.score > 0.9
    assert label.box is not None
    x, _, width, height = label.box
    assert abs(x + width / 2 - 0.5) < 0.05
    assert 0.3 < height < 0.8
    assert answer.inference_ms > 0
    assert (await look(client, image("second", encoded(draw_figure(), ".png")))).labels


async def test_nobody(client: AsyncClient) -> None:
    answer = await look(client, image("none", NOBODY))
    assert (answer.status, answer.labels) == ("ok", [])


async def test_credits_are_told_once(client: AsyncClient) -> None:
    await send(client, Classify())
    credit = await receive(client)
    assert ImageCredit.from_event(credit).credits == CREDITS == 2
    await send(client, Classify(), image(), Ping())
    events = await until(client, "classification")
    assert "image-credit" not in {event.type for event in events}


async def test_what_is_told_can_be_chosen(client: AsyncClient) -> None:
    two = image("two", encoded(np.hstack([draw_figure(400, 500), draw_figure(400, 500)])))
    assert len((await look(client, two)).labels) == 2
    await send(client, Classify(name="people", top_k=1, context={"any": "thing"}))
    assert len((await look(client, two)).labels) == 1
    await send(client, Classify(threshold=1.0))
    assert (await look(client, two)).labels == []
    await send(client, Classify())
    assert len((await look(client, two)).labels) == 2


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "payload is empty"), (b"hello", "send a JPEG or a PNG"), (FIGURE[:2000], "its end is missing")],
)
async def test_what_is_no_picture_is_invalid_and_the_connection_lives(
    client: AsyncClient, data: bytes, told: str
) -> None:
    answer = await look(client, image("bad", data))
    assert (answer.id, answer.status, answer.labels) == ("bad", "invalid", [])
    assert answer.text is not None
    assert told in answer.text
    assert (await look(client, image("good"))).status == "ok"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Classify(name="dogs").event(), "'classify' asks for 'dogs'; this server has people"),
        (Event("classify", {"top_k": 0}), "'top_k' of 'classify' takes a whole number from 1"),
        (Event("classify", {"threshold": "high"}), "'threshold' of 'classify'"),
        (Event("image", {}), "'id' of 'image'"),
        (
            Event("image", image().event().data | {"format": "gif"}, FIGURE),
            "'format' of 'image' takes one of jpeg, png",
        ),
        (Event("image", image().event().data | {"width": -1}, FIGURE), "'width' of 'image'"),
        (Event("image", image().event().data | {"deadline_ms": 0.5}, FIGURE), "'deadline_ms' of 'image'"),
    ],
)
async def test_what_makes_no_sense_is_named_and_the_connection_lives(
    client: AsyncClient, event: Event, told: str
) -> None:
    await send(client, event)
    assert (await receive(client)).type == "image-credit"
    error = Error.from_event(await receive(client))
    assert error.code == "bad-value"
    assert told in error.text
    assert (await look(client, image())).status == "ok"


async def test_an_expired_image_is_not_looked_at(client: AsyncClient) -> None:
    answer = await look(client, image("late", deadline_ms=0))
    assert (answer.id, answer.status, answer.inference_ms) == ("late", "expired", 0)
    answer = await look(client, image("early", deadline_ms=60_000))
    assert answer.status == "ok"


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    async with (
        serving(JOB, "--engine", "people", uri=f"unix://{tmp_path}/image.socket") as uri,
        AsyncClient.from_uri(uri) as client,
    ):
        assert (await look(client, image())).status == "ok"


async def test_many_cameras_are_all_answered(uri: str) -> None:
    async def camera(name: str) -> list[Classification]:
        async with AsyncClient.from_uri(uri) as client:
            return [await look(client, image(f"{name}-{number}")) for number in range(3)]

    found = await asyncio.gather(*(camera(name) for name in "abcd"))
    assert [[answer.id for answer in camera] for camera in found] == [[f"{c}-{n}" for n in range(3)] for c in "abcd"]
    assert {answer.status for camera in found for answer in camera} == {"ok"}


class Slow:
    """A server whose detector waits to be told to go on."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri = uri
        self.folder = folder

    def go_on(self) -> None:
        (self.folder / "go").touch()

    @property
    def batches(self) -> list[int]:
        """How many pictures were looked at together, each time."""
        path = self.folder / "looked"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    @property
    def looked_at(self) -> int:
        return sum(self.batches)

    async def until_it_looks(self, at: int = 1) -> None:
        async with asyncio.timeout(60):
            while self.looked_at < at:  # noqa: ASYNC110 - another process looks
                await asyncio.sleep(0.005)


@asynccontextmanager
async def slow_server(
    monkeypatch: pytest.MonkeyPatch, folder: Path, batch: int = 1, lanes: str = "1"
) -> AsyncIterator[Slow]:
    (people,) = (engine for engine in ENGINES if engine.name == "people")
    engine = replace(people, factory="tests.wyoming_servers.slow_eyes:open_slow")
    monkeypatch.setattr("wyoming_servers.engines.choose", lambda *_, **__: [Choice(engine, "a test")])
    monkeypatch.setenv("SLOW_EYES", str(folder))
    monkeypatch.setenv("SLOW_EYES_BATCH", str(batch))
    async with serving(JOB, "--threads", lanes) as uri:
        yield Slow(uri, folder)
        (folder / "go").touch()


@pytest_asyncio.fixture(loop_scope="module")
async def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Slow]:
    async with slow_server(monkeypatch, tmp_path) as slow:
        yield slow


async def test_a_newer_image_takes_the_place_of_the_one_that_waits(slow: Slow) -> None:
    async with AsyncClient.from_uri(slow.uri) as client:
        await send(client, *(image(number, timestamp=index) for index, number in enumerate("abcd")))
        first = await answers(client, 2)
        assert [(answer.id, answer.status, answer.timestamp) for answer in first] == [
            ("b", "superseded", 1),
            ("c", "superseded", 2),
        ]
        slow.go_on()
        rest = await answers(client, 2)
        assert [(answer.id, answer.status) for answer in rest] == [("a", "ok"), ("d", "ok")]
        assert rest[0].labels
        assert slow.looked_at == 2


async def test_an_image_expires_while_another_is_looked_at(slow: Slow) -> None:
    async with AsyncClient.from_uri(slow.uri) as one, AsyncClient.from_uri(slow.uri) as other:
        await send(one, image("one"))
        await until(one, "image-credit")
        await send(other, image("other", deadline_ms=30))
        (answer,) = await answers(other)
        assert (answer.status, answer.inference_ms) == ("expired", 0)
        assert answer.queued_ms >= 30
        slow.go_on()
        assert (await answers(one))[0].status == "ok"
        assert slow.looked_at == 1


async def test_one_too_many_is_told_busy(slow: Slow) -> None:
    clients = [AsyncClient.from_uri(slow.uri) for _ in range(18)]
    try:
        for client in clients:
            await client.connect()
            await send(client, image())
            await until(client, "image-credit")
        (answer,) = await answers(clients[-1])
        assert (answer.status, answer.labels) == ("busy", [])
        slow.go_on()
        done = await asyncio.gather(*(answers(client) for client in clients[:-1]))
        assert {answer.status for (answer,) in done} == {"ok"}
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients))


async def test_a_camera_that_goes_is_not_looked_at(slow: Slow) -> None:
    async with AsyncClient.from_uri(slow.uri) as staying:
        await send(staying, image("staying"))
        await until(staying, "image-credit")
        async with AsyncClient.from_uri(slow.uri) as leaving:
            await send(leaving, image("leaving"))
            await until(leaving, "image-credit")
        slow.go_on()
        assert (await answers(staying))[0].status == "ok"
        assert (await look(staying, image("next"))).status == "ok"
        assert slow.looked_at == 2


async def test_describe_is_answered_while_it_looks(slow: Slow) -> None:
    async with AsyncClient.from_uri(slow.uri) as client:
        await send(client, image(), Ping())
        assert (await until(client, "pong"))[-1].type == "pong"
        assert (await describe(slow.uri)).jobs == ["image"]


async def test_frames_of_several_cameras_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with slow_server(monkeypatch, tmp_path, batch=4) as slow, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AsyncClient.from_uri(slow.uri)) for _ in range(7)]
        await send(clients[0], image())
        await slow.until_it_looks()
        for client in clients[1:]:
            await send(client, image())
            await until(client, "image-credit")
        slow.go_on()
        assert [len((await answers(client))[0].labels) for client in clients] == [1] * 7
        assert slow.batches == [1, 4, 2]


async def test_a_bad_picture_among_others_spoils_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with slow_server(monkeypatch, tmp_path, batch=4) as slow, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AsyncClient.from_uri(slow.uri)) for _ in range(4)]
        await send(clients[0], image())
        await slow.until_it_looks()
        for client, data in zip(clients[1:], (NOBODY, b"hello", FIGURE), strict=True):
            await send(client, image("b", data))
            await until(client, "image-credit")
        slow.go_on()
        found = [(await answers(client))[0] for client in clients]
        assert [(one.status, len(one.labels)) for one in found] == [("ok", 1), ("ok", 0), ("invalid", 0), ("ok", 1)]


async def test_a_process_that_dies_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with slow_server(monkeypatch, tmp_path) as slow, AsyncClient.from_uri(slow.uri) as client:
        (slow.folder / "die").touch()
        answer = await look(client, image("a"))
        assert (answer.id, answer.status, answer.labels) == ("a", "busy", [])
        assert answer.text
        slow.go_on()
        assert (await look(client, image("b"))).status == "ok"


async def test_options() -> None:
    async with (
        serving(JOB, "--engine", "people", "--min-score", "0", "--max-side", "320") as uri,
        AsyncClient.from_uri(uri) as client,
    ):
        assert (await look(client, image())).status == "ok"
    for option, value, told in (
        ("--min-score", "2", "min-score is 2"),
        ("--max-side", "10", "max_side is 10"),
    ):
        with pytest.raises(BadInput, match=told):
            async with serving(JOB, "--engine", "people", option, value):
                pass


async def test_photos(client: AsyncClient, shared: Path) -> None:
    async def count(name: str) -> int:
        return len((await look(client, image(name, (shared / "media/photos" / name).read_bytes()))).labels)

    assert await count("kite_and_cold.jpg") == 2
    assert await count("cat_1080p.jpg") == 0


# ---- ONNX models


@pytest.fixture
def colours(tmp_path: Path) -> list[str]:
    """Options for two models, one of which tells blue from red as the other one does not."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: script/setup --neural")
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue")
    paths = [tiny_onnx.write(tmp_path / f"{name}.onnx", [1, 3, 32, 32]) for name in ("right", "wrong")]
    (tmp_path / "wrong.toml").write_text('colours = "bgr"')
    return [option for path in paths for option in ("--model", str(path))]


RED = encoded(np.full((48, 64, 3), (0, 0, 255), np.uint8))


async def test_several_models_in_one_server(colours: list[str]) -> None:
    async with serving(JOB, "--engine", "onnx", *colours) as uri, AsyncClient.from_uri(uri) as client:
        assert [
            (program.name, [(model.name, model.labels) for model in program.models])
            for program in (await describe(uri)).image
        ] == [("hearth-image", [("right", 3)]), ("hearth-image-wrong", [("wrong", 3)])]
        for name, told in ((None, "red"), ("wrong", "blue"), ("right", "red")):
            await send(client, Classify(name=name))
            answer = await look(client, image(data=RED))
            assert (answer.status, answer.model) == ("ok", name or "right")
            assert answer.labels[0].name == told
        await send(client, Classify(name="cats"))
        error = Error.from_event(await receive(client))
        assert "'cats'; this server has right, wrong" in error.text
        await send(client, Classify(top_k=2, threshold=0.0))
        assert len((await look(client, image(data=RED))).labels) == 2
        assert (await look(client, image(data=b"no"))).status == "invalid"


async def test_one_of_several_programs_can_be_selected(colours: list[str]) -> None:
    async with serving(JOB, "--engine", "onnx", *colours) as uri, AsyncClient.from_uri(uri) as client:
        for program, model in (("hearth-image-wrong", "wrong"), ("hearth-image", "right"), ("wrong", "wrong")):
            await send(client, SelectProgram(program))
            assert (await look(client, image(data=RED))).model == model
        await send(client, SelectProgram("cats"))
        error = Error.from_event(await receive(client))
        assert (error.code, error.text) == (
            "bad-value",
            "'select-program' asks for 'cats'; this server has hearth-image, hearth-image-wrong",
        )
        for name, model in ((None, "wrong"), ("right", "right"), (None, "wrong")):  # of the program, unless it is named
            await send(client, Classify(name=name, top_k=1))
            assert (await look(client, image(data=RED))).model == model


async def test_labels_and_models_that_do_not_fit_are_named(colours: list[str], tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("a\nb\nc")
    options = [*colours, "--labels", str(tmp_path / "other.txt")]
    async with serving(JOB, "--engine", "onnx", *options) as uri, AsyncClient.from_uri(uri) as client:
        assert (await look(client, image(data=RED))).labels[0].name == "a"
        await send(client, Classify(name="wrong"))
        assert (await look(client, image(data=RED))).labels[0].name == "blue"
    with pytest.raises(BadInput, match="more --labels than --model"):
        async with serving(JOB, "--engine", "people", "--labels", "x"):
            pass
    (tmp_path / "labels.txt").write_text("red")
    with pytest.raises(EngineError, match="tells 3 kinds apart"):
        async with serving(JOB, "--engine", "onnx", *colours):
            pass


async def test_known_photos_through_the_server(shared: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: script/setup --neural")
    paths = [
        shared / "models" / name for name in ("imagenet/mobilenetv2_224.onnx", "detector/yolox_nano_coco_416.onnx")
    ]
    options = [option for path in paths for option in ("--model", str(path))]
    async with serving(JOB, "--engine", "onnx", *options) as uri, AsyncClient.from_uri(uri) as client:

        async def seen(photo: str) -> list[LabelScore]:
            return (await look(client, image(photo, (shared / f"media/photos/{photo}.jpg").read_bytes()))).labels

        (hot_dog,) = await seen("hot_dog")
        assert (hot_dog.index, hot_dog.box) == (934, None)
        for photo in ("cat_720p", "cat_1080p"):
            assert "cat" in (await seen(photo))[0].name
        await send(client, Classify(name=paths[1].stem))
        for photo, name in (("pets", "dog"), ("cat_1080p", "cat"), ("kite_and_cold", "person")):
            found = [label for label in await seen(photo) if label.name == name]
            assert found
            assert all(label.box is not None for label in found)
