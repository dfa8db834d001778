"""The satellite for Home Assistant as a whole: ears, eyes, voice, controls, and the Wyoming server in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from models.engine import VoiceActivityStream, WakeWordStream
from satellite.body import Body
from satellite.controls import Control, Controls
from satellite.eyes import Eyes
from satellite.report import Observer
from satellite.sound.microphone import Microphone
from satellite.sound.speaker import Speaker
from satellite.timers import Timers
from wyoming_servers.service import Service
from wyoming_servers.wire import Info

from .chimes import Chimes
from .conversation import Conversation
from .cue import Cue
from .link import Guest, Reception
from .mouth import Mouth

_TICK_S = 0.05
"""How exact the times of a conversation are."""


class Station(Body):
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
        timers: Timers | None = None,
        observer: Observer | None = None,
    ) -> None:
        """What its `eyes` see, Wyoming cannot carry; whoever wants it watches their camera."""
        super().__init__(microphone, speaker, eyes=eyes, controls=controls, wake_word=wake_word)
        self._mouth = Mouth(speaker)
        self._conversation = Conversation(
            self._mouth,
            observer or Observer(),
            cue=cue,
            chimes=chimes or Chimes(),
            voice=voice,
            timers=timers or Timers(time.monotonic),
            clock=time.monotonic,
        )
        self._reception = Reception(self._conversation)
        self.service = Service(info, lambda client: Guest(client, self._reception))
        """Where Home Assistant connects."""

    @property
    def is_connected(self) -> bool:
        """Whether a Home Assistant is served."""
        return self._reception.served is not None

    async def ready(self) -> None:
        """Wait until Home Assistant is there and no turn is under way."""
        while not self._conversation.is_ready:  # noqa: ASYNC110 - as exact as its clock
            await asyncio.sleep(_TICK_S)

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        return super()._work() | {"mouth": self._mouth.run(), "clock": self._tick()}

    async def _hear(self) -> None:
        async for chunk in self._microphone:
            self._conversation.hear(chunk)
            heard = chunk.hushed() if self._conversation.deaf else chunk  # also by a server that hears the wake word
            woken = self._waking.feed(heard) if self._waking is not None else None
            if woken is not None and self._conversation.awaits_wake_word:
                self._conversation.woken(woken.name, woken.since)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._conversation.tick()

    def _used(self, control: Control) -> None:
        match control:
            case Control.MUTE:
                self._conversation.muted = self._controls.muted
            case Control.TRIGGER:
                self._conversation.trigger()
            case Control.HOLD:
                self._conversation.hold()
            case Control.RELEASE:
                self._conversation.release()
            case Control.STOP:
                self._conversation.stop()
            case _:
                super()._used(control)
