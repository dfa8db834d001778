"""A satellite on a real broker, seen and commanded by somebody else on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.mosquitto import Mosquitto
from camera.camera import Camera, Frame, Look
from satellite.controls import Control, Controls
from satellite.mqtt import link
from satellite.mqtt.device import Device
from satellite.mqtt.discovery import Topics
from satellite.mqtt.link import Broker, Refused
from satellite.report import State, TurnReport
from satellite.retry import Retry
from tests.satellite.houses import until
from wyoming_servers.wire.image import LabelScore

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'wyoming-hearth[mqtt]'")

from tests.satellite.mqtt.broker import Listener, listener, mosquitto, need_mosquitto

TOPICS = Topics("kitchen-0123abcd")
BASE = "hearth/kitchen-0123abcd"


@pytest.fixture(autouse=True)
def a_machine_that_has_much_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers late is no broker that is gone."""
    monkeypatch.setattr(link, "ANSWER_S", 60.0)


def device_on(broker: Broker, controls: Controls | None = None, camera: Camera | None = None, **more: Any) -> Device:
    topics = more.pop("topics", TOPICS)
    return Device(broker, topics, controls or Controls(), name="Küche 🍳", version="1", camera=camera, **more)


@asynccontextmanager
async def told(
    folder: Path, controls: Controls | None = None, camera: Camera | None = None
) -> AsyncIterator[tuple[Device, Listener, Mosquitto]]:
    async with (
        mosquitto(folder) as broker,
        listener(broker.port) as seen,
        device_on(broker.broker, controls, camera) as device,
    ):
        await seen.sees(f"{BASE}/status", "online")
        yield device, seen, broker


async def test_what_the_satellite_does_is_told_and_it_says_goodbye(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen:
        async with device_on(broker.broker, Controls(volume=30)) as device:
            await seen.sees(f"{BASE}/status", "online")
            assert seen.history[0][0] == TOPICS.discovery  # before the values of what it announces
            assert {topic: value for topic, value in seen.values.items() if topic.startswith(BASE)} == {
                f"{BASE}/state": b"idle",
                f"{BASE}/mute": b"OFF",
                f"{BASE}/volume": b"30",
                f"{BASE}/status": b"online",
            }
            report = TurnReport(heard="wie spät ist es", reply="Noon. " * 100)
            for state in State:
                device.became(state)
                await seen.sees(f"{BASE}/state", state)
            device.heard(report)
            device.decided(report)
            device.heard(TurnReport(heard=""))
            await until(lambda: seen.json(f"{BASE}/said"))
            assert seen.json(f"{BASE}/heard") == {"state": report.heard, "attributes": {"text": report.heard}}
            assert len(seen.json(f"{BASE}/said")["state"]) == 255
            assert seen.json(f"{BASE}/said")["attributes"]["text"] == report.reply
        await seen.sees(f"{BASE}/status", "offline")
        async with listener(broker.port) as later:  # all of it was retained
            await until(lambda: len(later.values) == 7)


async def test_commands_use_the_controls_and_are_shown(tmp_path: Path) -> None:
    controls, used = Controls(), list[Control]()
    controls.watch(used.append)
    camera = Camera("unused")
    async with told(tmp_path, controls, camera) as (_, seen, _):
        for entity, command, shown in (("mute", "ON", "ON"), ("volume", "40.0", "40"), ("camera", "OFF", "OFF")):
            await seen.client.publish(f"{BASE}/{entity}/set", command)
            await seen.sees(f"{BASE}/{entity}", shown)
        for entity in ("trigger", "stop"):
            await seen.client.publish(f"{BASE}/{entity}/set", "PRESS")
        await until(lambda: len(used) == 5)
        assert used == [Control.MUTE, Control.VOLUME, Control.CAMERA, Control.TRIGGER, Control.STOP]
        assert (controls.muted, controls.volume, controls.camera) == (True, 40, False)
        controls.muted = False  # by somebody else
        await seen.sees(f"{BASE}/mute", "OFF")


async def test_what_makes_no_sense_is_told_and_does_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    controls, used = Controls(), list[Control]()
    controls.watch(used.append)
    async with told(tmp_path, controls) as (device, seen, _):
        for entity, wrong in (
            *(("mute", wrong) for wrong in (b"on", b"", b"\xff\xfe", b"\x00", b"[" * 60, b"x" * 65, b"x" * 1_000_000)),
            *(("volume", wrong) for wrong in (b"101", b"-1", b"nan", b"inf", b"loud", b"1e999", b"0x10", b"{}")),
            *(("trigger", wrong) for wrong in (b"press", b"ON", b"x" * 10_000)),
            ("camera", b"ON"),  # there is none
            ("nothing", b"ON"),
        ):
            await seen.client.publish(f"{BASE}/{entity}/set", wrong)
        await seen.client.publish(f"{BASE}/stop/set", "PRESS", qos=1)
        await until(lambda: used)
        assert used == [Control.STOP]
        device.became(State.LISTENING)
        await seen.sees(f"{BASE}/state", "listening")
    assert "mute/set is ignored: it takes ON or OFF, not 'on'" in caplog.text
    assert "it has 65 bytes" in caplog.text
    assert "volume/set is ignored: it takes a number from 0 to 100, not '101'" in caplog.text
    assert "trigger/set is ignored: it takes PRESS, not 'ON'" in caplog.text
    assert len(caplog.records) < 25
    assert all(len(record.getMessage()) < 300 for record in caplog.records)


async def test_commands_from_the_past_are_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    controls = Controls()
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen:
        await seen.client.publish(f"{BASE}/mute/set", "ON", qos=1, retain=True)
        async with device_on(broker.broker, controls):
            await seen.sees(f"{BASE}/status", "online")
            await until(lambda: "mute/set is ignored: it was retained" in caplog.text)
            assert controls.muted is False


async def test_when_home_assistant_begins_it_is_told_all_again(tmp_path: Path) -> None:
    async with told(tmp_path) as (_, seen, _):
        before = dict(seen.values)
        seen.values.clear()
        await seen.client.publish("homeassistant/status", "offline")
        await seen.client.publish("homeassistant/status", "online")
        await seen.sees(f"{BASE}/status", "online")
        assert {topic: seen.values[topic] for topic in before} == before


async def test_what_the_camera_sees_is_told_until_it_is_off(tmp_path: Path) -> None:
    controls, camera = Controls(), Camera("unused", name="door")

    def see(*names: str) -> None:
        frame = Frame(b"a picture of " + b" ".join(name.encode() for name in names), 64, 48, time.monotonic())
        camera.looked(Look(frame, tuple(LabelScore(name, 0, 0.5 + i / 10) for i, name in enumerate(names))))

    async with told(tmp_path, controls, camera) as (_, seen, _):
        await seen.sees(f"{BASE}/camera_person", "None")
        assert seen.json(f"{BASE}/camera_label")["state"] == "None"
        assert seen.text(f"{BASE}/camera") == "ON"
        see("dog", "person")
        await seen.sees(f"{BASE}/camera_person", "ON")
        await until(lambda: seen.json(f"{BASE}/camera_label")["state"] == "person")
        assert seen.json(f"{BASE}/camera_label")["attributes"] == {
            "score": 0.6,
            "labels": [{"name": "person", "score": 0.6}, {"name": "dog", "score": 0.5}],
        }
        await seen.sees(f"{BASE}/camera_image", "a picture of dog person")
        await seen.sees(f"{BASE}/camera_fps", "0.0")
        await seen.client.publish(f"{BASE}/camera/set", "OFF")
        await seen.sees(f"{BASE}/camera", "OFF")
        await seen.sees(f"{BASE}/camera_person", "None")
        await until(lambda: seen.json(f"{BASE}/camera_label")["state"] == "None")
        camera.on = controls.camera  # as the satellite does
        see("cat")
        await asyncio.sleep(0.1)
        assert seen.json(f"{BASE}/camera_label")["state"] == "None"


async def test_a_broker_that_is_down_at_first_and_restarted_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need_mosquitto()
    broker = Mosquitto(tmp_path)
    controls = Controls()
    async with device_on(broker.broker, controls) as device:
        await until(lambda: "Connection refused; it is tried again" in caplog.text)
        controls.volume = 10
        try:
            for state in (State.LISTENING, State.RESPONDING):
                await broker.start()
                async with listener(broker.port) as seen:
                    await seen.sees(f"{BASE}/status", "online")
                    device.became(state)
                    await seen.sees(f"{BASE}/state", state)
                    assert seen.text(f"{BASE}/volume") == "10"
                    await seen.client.publish(f"{BASE}/volume/set", "10")
                await broker.stop()
                device.became(State.PROCESSING)
                await until(
                    lambda: "connection was lost" in caplog.text or "refused" in caplog.records[-1].getMessage()
                )
        finally:
            await broker.stop()


def counted_refusals(monkeypatch: pytest.MonkeyPatch) -> list[Refused]:
    """Have a broker that refuses be asked again at once; return the list to which each refusal is added."""
    refused: list[Refused] = []
    connect = link.connect

    @asynccontextmanager
    async def counting(*arguments: Any) -> AsyncIterator[Any]:
        try:
            async with connect(*arguments) as client:
                yield client
        except Refused as error:
            refused.append(error)
            raise

    monkeypatch.setattr(link, "connect", counting)
    monkeypatch.setattr(link, "REFUSED_S", 0.0)
    return refused


async def test_a_wrong_password_is_told_once_and_nothing_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = counted_refusals(monkeypatch)
    (tmp_path / "passwords").write_text("")
    config = f"allow_anonymous false\npassword_file {tmp_path / 'passwords'}"
    async with mosquitto(tmp_path, config) as broker:
        wrong = replace(broker.broker, username="hearth", password="not-this-one")
        async with device_on(wrong):
            await until(lambda: len(refused) >= 3)
    (record,) = caplog.records
    assert "the broker refuses us: Not authorized (see --mqtt-username and --mqtt-password" in record.getMessage()
    assert "not-this-one" not in caplog.text


@pytest.mark.parametrize("config", ["allow_anonymous true", "allow_anonymous false"])
async def test_who_is_cancelled_at_the_moment_of_the_answer_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    import aiomqtt

    connected = aiomqtt.Client._on_connect
    tasks: list[asyncio.Task[None]] = []

    def cancel_too(*arguments: Any) -> None:
        connected(*arguments)
        tasks.append(device._link._task)
        tasks[0].cancel()

    monkeypatch.setattr(aiomqtt.Client, "_on_connect", cancel_too)
    monkeypatch.setattr(link, "REFUSED_S", 0.0)
    async with mosquitto(tmp_path, config) as broker:
        device = device_on(broker.broker)
        with suppress(asyncio.CancelledError):
            async with device:
                await until(lambda: tasks and tasks[0].done(), 10)
    assert len(tasks) == 1


async def test_a_broker_that_has_gone_is_not_said_to_be_there_until_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(_: Retry) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Retry, "wait", wait)
    async with told(tmp_path) as (device, _, broker):
        assert device.is_connected
        await broker.stop()
        await until(lambda: not device.is_connected)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x05", b"\xff" * 1000])
async def test_who_is_no_broker_or_says_nothing_costs_nothing(
    answer: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_S", 0.3)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with device_on(Broker("127.0.0.1", port)) as device:
        for _ in range(100):
            for state in State:
                device.became(state)
        await until(lambda: "it is tried again" in caplog.text or "asked again" in caplog.text)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert "unexpected" not in caplog.text
    server.close()


async def test_it_can_end_while_a_broker_that_says_nothing_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    failed: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    connected = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        connected.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with device_on(Broker("127.0.0.1", server.sockets[0].getsockname()[1])):
        await connected.wait()
    await asyncio.sleep(0.1)
    server.close()
    assert not failed
    assert not caplog.records


async def test_a_flood_is_no_flood_of_warnings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with told(tmp_path) as (device, seen, _):
        await asyncio.gather(*(seen.client.publish(TOPICS.command("volume"), str(n % 100)) for n in range(3000)))
        device.became(State.LISTENING)
        await seen.sees(TOPICS.of("state"), "listening")
    assert not [record for record in caplog.records if "Discarding" in record.getMessage()]


async def test_several_satellites_on_one_broker(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen:
        others = [Topics(f"room-{number}") for number in range(5)]
        controls = [Controls() for _ in others]
        devices = [device_on(broker.broker, c, topics=t) for t, c in zip(others, controls, strict=True)]
        async with devices[0], devices[1], devices[2], devices[3], devices[4]:
            for topics in others:
                await seen.sees(topics.availability, "online")
            await seen.client.publish(others[3].command("mute"), "ON")
            await seen.sees(others[3].of("mute"), "ON")
            assert [c.muted for c in controls] == [False, False, False, True, False]


async def test_who_comes_back_is_available_again_although_the_broker_has_not_missed_them_yet(tmp_path: Path) -> None:
    """A machine that lost its power: the connection of before is still open for the broker."""
    async with mosquitto(tmp_path) as broker, listener(broker.port) as seen, device_on(broker.broker):
        await seen.sees(f"{BASE}/status", "online")
        async with device_on(broker.broker):
            await until(lambda: (f"{BASE}/status", b"offline") in seen.history)
            await seen.sees(f"{BASE}/status", "online")
            await asyncio.sleep(0.2)
            assert seen.text(f"{BASE}/status") == "online"
