"""What every satellite has, whoever understands and answers: ears, eyes, a voice, and the controls of them."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from models.engine import WakeWordStream
from wyoming_servers.wire.tasks import first_of

from .controls import Control, Controls
from .eyes import Eyes
from .listening.wake_server import WakeServer
from .listening.waking import Waking
from .retry import keep_open
from .sound.clips import ClipMicrophone, play_files
from .sound.microphone import Microphone, MicrophoneError
from .sound.speaker import Speaker


class Body(ABC):
    """One room's; what it does with them, a subclass says."""

    def __init__(
        self,
        microphone: Microphone,
        speaker: Speaker,
        *,
        eyes: Eyes | None,
        controls: Controls | None,
        wake_word: WakeWordStream | None,
    ) -> None:
        self._microphone = microphone
        self._speaker = speaker
        self._eyes = eyes
        self._controls = controls or Controls(volume=speaker.volume)
        self._wake_word = wake_word
        self._waking = None if wake_word is None else Waking(wake_word)

    async def run(self, clips: Sequence[Path] = ()) -> None:
        """Serve until cancelled, or, where there are `clips` for a `ClipMicrophone`, until all were answered.

        Raises `MicrophoneError` or `CameraError` where the microphone or camera never worked; one that did is opened
        again as often as it takes. Raises `UnsupportedAudio` for a clip that is no WAV file.
        """
        for control in (Control.MUTE, Control.VOLUME, Control.CAMERA):
            self._used(control)
        unwatch = self._controls.watch(self._used)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(work, name=name) for name, work in self._work().items()]
                if clips:
                    await self._play(clips)
                    for task in running:
                        task.cancel()
        except ExceptionGroup as group:
            raise first_of(group) from None
        finally:
            unwatch()

    def problems(self) -> list[str]:
        """Return what keeps it from its work, a line each: what it hears, sees and speaks with.

        Who is away (servers, Home Assistant, a broker) is no problem of its own, and is not brought back by starting it
        anew.
        """
        now = time.monotonic()
        found = [self._microphone.problem(now), self._speaker.problem]
        if self._eyes is not None:
            found.append(self._eyes.camera.problem(now))
        return [problem for problem in found if problem is not None]

    @abstractmethod
    async def ready(self) -> None:
        """Wait until it listens, and nothing else goes on."""

    @abstractmethod
    async def _hear(self) -> None:
        """Listen to the open microphone until it fails; raise `MicrophoneError`."""

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what goes on all the time, by name; a subclass adds its own."""
        work = {"ear": self._listen()}
        if isinstance(self._wake_word, WakeServer):
            work["wake word"] = self._wake_word.run()
        if self._eyes is not None:
            work["eyes"] = self._eyes.run()
        return work

    def _used(self, control: Control) -> None:
        """Carry out a control; a subclass carries out those that are not of the body alone."""
        match control:
            case Control.VOLUME:
                self._speaker.volume = self._controls.volume
            case Control.CAMERA if self._eyes is not None:
                self._eyes.camera.on = self._controls.camera

    async def _play(self, clips: Sequence[Path]) -> None:
        """Play recordings into the microphone, each when it is listened to, and wait until all were answered."""
        if not isinstance(self._microphone, ClipMicrophone):
            raise TypeError("clips are for a ClipMicrophone")
        await play_files(self._microphone, clips, self.ready)
        await self.ready()

    async def _listen(self) -> None:
        async def listen() -> None:
            async with self._microphone:
                await self._hear()

        await keep_open(listen, MicrophoneError, worked=lambda: self._microphone.last is not None)
