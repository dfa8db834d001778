"""The satellite for Home Assistant as a whole: ears, eyes, voice, controls, and the Wyoming server in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from models.engine import VoiceActivityStream, WakeWordStream
from satellite.clips import ClipMicrophone, play_files
from satellite.controls import Control, Controls
from satellite.eyes import Eyes
from satellite.microphone import Chunk, Microphone, MicrophoneError
from satellite.report import Observer
from satellite.retry import keep_open
from satellite.speaker import Speaker
from satellite.wake_server import WakeServer
from satellite.waking import Waking
from wyoming_servers.service import Service
from wyoming_servers.wire import Info
from wyoming_servers.wire.tasks import first_of

from .chimes import Chimes
from .conversation import Conversation
from .cue import Cue
from .link import Guest, Reception
from .mouth import Mouth

_TICK_S = 0.05
"""How exact the times of a conversation are."""


class Station:
    """One room's ears, eyes and voice, for Home Assistant."""

    def __init__(
        self,
        microphone: Microphone,
        speaker: Speaker,
        *,
        info: Info,
        cue: Cue,
        eyes: Eyes | None = None,
        wake_word: WakeWordStream | None = None,
        voice: VoiceActivityStream | None = None,
        chimes: Chimes | None = None,
        controls: Controls | None = None,
        observer: Observer | None = None,
    ) -> None:
        """What its `eyes` see, Wyoming cannot carry; whoever wants it watches their camera."""
        self._microphone = microphone
        self._speaker = speaker
        self._eyes = eyes
        self._wake_word = wake_word
        self._waking = None if wake_word is None else Waking(wake_word)
        self._controls = controls or Controls(volume=speaker.volume)
        self._mouth = Mouth(speaker)
        self._conversation = Conversation(
            self._mouth,
            observer or Observer(),
            cue=cue,
            chimes=chimes or Chimes(),
            voice=voice,
            clock=time.monotonic,
        )
        reception = Reception(self._conversation)
        self.service = Service(info, lambda client: Guest(client, reception))
        """Where Home Assistant connects."""

    def problems(self) -> list[str]:
        """Return what keeps it from its work, a line each; Home Assistant's being away is no fault of ours."""
        problem = self._microphone.problem(time.monotonic())
        return [] if problem is None else [problem]

    async def run(self, clips: Sequence[Path] = ()) -> None:
        """Serve until cancelled, or, where there are `clips` for a `ClipMicrophone`, until all were answered.

        Raises `MicrophoneError` or `CameraError` where the microphone or camera never worked; one that did is opened
        again as often as it takes.
        """
        for control in (Control.MUTE, Control.VOLUME, Control.CAMERA):
            self._used(control)
        unwatch = self._controls.watch(self._used)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self._mouth.run(), name="mouth"),
                    tasks.create_task(self._listen(), name="ear"),
                    tasks.create_task(self._tick(), name="clock"),
                ]
                if isinstance(self._wake_word, WakeServer):
                    running.append(tasks.create_task(self._wake_word.run(), name="wake word"))
                if self._eyes is not None:
                    running.append(tasks.create_task(self._eyes.run(), name="eyes"))
                if clips:
                    await self._play(clips)
                    for task in running:
                        task.cancel()
        except ExceptionGroup as group:
            raise first_of(group) from None
        finally:
            unwatch()

    async def _listen(self) -> None:
        async def listen() -> None:
            async with self._microphone:
                async for chunk in self._microphone:
                    self._hear(chunk)

        await keep_open(listen, MicrophoneError, worked=lambda: self._microphone.last is not None)

    def _hear(self, chunk: Chunk) -> None:
        self._conversation.hear(chunk)
        woken = self._waking.feed(chunk) if self._waking is not None else None
        if woken is not None and self._conversation.awaits_wake_word:
            self._conversation.woken(woken.name, woken.since)

    async def ready(self) -> None:
        """Wait until Home Assistant is there and no turn is under way."""
        while not self._conversation.is_ready:  # noqa: ASYNC110 - as exact as its clock
            await asyncio.sleep(_TICK_S)

    async def _play(self, clips: Sequence[Path]) -> None:
        """Play recordings into the microphone, each when it is of use."""
        if not isinstance(self._microphone, ClipMicrophone):
            raise TypeError("clips are for a ClipMicrophone")
        await play_files(self._microphone, clips, self.ready)
        await self.ready()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._conversation.tick()

    def _used(self, control: Control) -> None:
        """Carry out a control."""
        match control:
            case Control.MUTE:
                self._conversation.muted = self._controls.muted
            case Control.VOLUME:
                self._speaker.volume = self._controls.volume
            case Control.CAMERA if self._eyes is not None:
                self._eyes.camera.on = self._controls.camera
            case Control.TRIGGER:
                self._conversation.trigger()
            case Control.HOLD:
                self._conversation.hold()
            case Control.RELEASE:
                self._conversation.release()
            case Control.STOP:
                self._conversation.stop()
