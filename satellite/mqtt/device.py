"""A satellite as a device: what it does becomes values on topics, and what is published to it uses its controls.

It knows the satellite only by what it tells (`Observer`), its controls and its camera.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from camera.camera import Camera, Look
from satellite.controls import Control, Controls
from satellite.report import Observer, State, TurnReport
from wyoming_servers.wire import BadValue
from wyoming_servers.wire.background import Background

from .discovery import OFF, ON, ONLINE, PRESS, UNKNOWN, Topics, detailed, device
from .link import Broker, Command, Link
from .outbox import Outbox
from .sight import Due, Sight

TICK_S = 1.0
"""How often it is looked whether time alone has changed something."""

FPS_S = 5.0
"""Of how long frames are counted."""

_TEXT_CHARACTERS = 10_000
"""Of what was heard or said, in an attribute."""


class Device(Observer, Background):
    """Keeps the broker told for the length of an `async with` block; ends by saying `offline`."""

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        controls: Controls,
        *,
        name: str,
        version: str,
        camera: Camera | None = None,
    ) -> None:
        """`name` is shown to people. Raise `MqttError` where MQTT cannot be used at all."""
        self._topics = topics
        self._controls = controls
        self._camera = camera
        self._sight = Sight(camera.fps if camera is not None else 1.0)
        self._outbox = Outbox()
        commands = self._commands()
        commands[topics.birth] = self._home_assistant_is
        identifier = f"hearth-{topics.satellite}"
        self._link = Link(broker, self._outbox, commands, identifier=identifier, availability=topics.availability)
        seeing = None if camera is None else camera.name
        self._outbox.put(topics.discovery, device(topics, name=name, version=version, camera=seeing))
        self.became(State.IDLE)
        for control in (Control.MUTE, Control.VOLUME, Control.CAMERA):
            self._used(control)
        self._outbox.put(topics.availability, ONLINE)

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there."""
        return self._link.connected

    # ---- what is published

    def became(self, state: State) -> None:
        """Tell it."""
        self._put("state", state)

    def heard(self, report: TurnReport) -> None:
        """Tell it; where nothing was understood, what was heard before stays."""
        if report.heard:
            self._put("heard", detailed(report.heard, text=report.heard[:_TEXT_CHARACTERS]))

    def decided(self, report: TurnReport) -> None:
        """Tell what is said."""
        if report.reply:
            self._put("said", detailed(report.reply, text=report.reply[:_TEXT_CHARACTERS]))

    def _used(self, control: Control) -> None:
        match control:
            case Control.MUTE:
                self._put("mute", ON if self._controls.muted else OFF)
            case Control.VOLUME:
                self._put("volume", str(self._controls.volume))
            case Control.CAMERA if self._camera is not None:
                self._put("camera", ON if self._controls.camera else OFF)
                if not self._controls.camera:
                    self._sight.blind()
                self._tick()

    def _looked(self, look: Look) -> None:
        due = self._sight.looked(look.labels, time.monotonic())
        self._show(due)
        if due.image:
            self._outbox.put(self._topics.of("camera_image"), look.frame.jpeg)

    def _tick(self) -> None:
        self._show(self._sight.passed(time.monotonic()))

    def _show(self, due: Due) -> None:
        sight = self._sight
        self._put("camera_person", UNKNOWN if sight.person is None else ON if sight.person else OFF)
        if due.label:
            labels = [{"name": label.name, "score": round(label.score, 3)} for label in sight.labels or ()]
            score = labels[0]["score"] if labels else None
            self._put("camera_label", detailed(sight.name or UNKNOWN, score=score, labels=labels))

    def _put(self, entity: str, value: str) -> None:
        self._outbox.put(self._topics.of(entity), value)

    # ---- what is commanded

    def _commands(self) -> dict[str, Command]:
        commands: dict[str, Command] = {
            "mute": lambda text: setattr(self._controls, "muted", _on(text)),
            "volume": lambda text: setattr(self._controls, "volume", _percent(text)),
            "trigger": lambda text: _press(text, self._controls.trigger),
            "stop": lambda text: _press(text, self._controls.stop),
        }
        if self._camera is not None:
            commands["camera"] = lambda text: setattr(self._controls, "camera", _on(text))
        return {self._topics.command(entity): command for entity, command in commands.items()}

    def _home_assistant_is(self, text: str) -> None:
        """Say all again when it has begun, which may have forgotten it."""
        if text == ONLINE:
            self._outbox.again()

    # ---- the block

    async def _run(self) -> None:
        unwatch = [self._controls.watch(self._used)]
        if self._camera is not None:
            unwatch.append(self._camera.watch(self._looked))
        try:
            async with self._link:
                if self._camera is not None:
                    await self._count(self._camera)
                await asyncio.Event().wait()
        finally:
            for end in unwatch:
                end()

    async def _count(self, camera: Camera) -> None:
        """Look now and then what time has changed, and how many frames there were."""
        since, frames = time.monotonic(), camera.frames
        self._put("camera_fps", "0.0")
        while True:
            await asyncio.sleep(TICK_S)
            self._tick()
            if (passed := time.monotonic() - since) >= FPS_S:
                self._put("camera_fps", f"{(camera.frames - frames) / passed:.1f}")
                since, frames = time.monotonic(), camera.frames


def _on(text: str) -> bool:
    if text not in {ON, OFF}:
        raise BadValue(f"it takes {ON} or {OFF}, not {text!r}")
    return text == ON


def _percent(text: str) -> int:
    try:
        value = round(float(text))  # Home Assistant sends 40 or 40.0
    except (ValueError, OverflowError):
        value = -1
    if not 0 <= value <= 100:
        raise BadValue(f"it takes a number from 0 to 100, not {text!r}")
    return value


def _press(text: str, press: Callable[[], None]) -> None:
    if text != PRESS:
        raise BadValue(f"it takes {PRESS}, not {text!r}")
    press()
