from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import pytest
from wyoming.audio import AudioChunk
from wyoming.event import Event, Eventable

from models.engine import BadInput, Speech
from models.pieces import Pace
from wyoming_servers.service import Client
from wyoming_servers.speaking import Speaking, Voiced
from wyoming_servers.workers import Stream

RATE = 1000


class Listener:
    """A client that takes sound only while it may."""

    def __init__(self) -> None:
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.events: list[Event] = []

    async def send(self, event: Event | Eventable) -> None:
        event = event if isinstance(event, Event) else event.event()
        if AudioChunk.is_type(event.type):
            await self.may_take.wait()
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    @property
    def seconds(self) -> float:
        return sum(AudioChunk.from_event(event).seconds for event in self.events if AudioChunk.is_type(event.type))


class Voice:
    """A tenth of a second of sound for every letter, at once."""

    def __init__(self, *, remembered: bool = False) -> None:
        self.said: list[str] = []
        self._remembered = remembered

    async def call(self, method: str, text: str) -> Speech:
        assert method == "speak"
        self.said.append(text)
        if text.startswith("Bad"):
            raise BadInput("bad")
        await asyncio.sleep(0)
        return Speech(np.full(RATE // 10 * len(text), 1000, "<i2").tobytes(), self._remembered)


def speaking(
    client: Listener, voice: Voice, *, pace: Pace | None = None, shortest: int = 10, more: Iterable[str] = ()
) -> Speaking:
    voiced = Voiced(cast("Stream", voice), "en-US", RATE, shortest, pace or Pace(0.5))
    waiting = iter(more)
    return Speaking(
        cast("Client", client), voiced, samples=50, more=lambda: [text for text in [next(waiting, "")] if text]
    )


async def say(speech: Speaking, *texts: str) -> None:
    await speech.begin()
    for text in texts:
        await speech.say(text)
    await speech.finish()


async def test_all_of_it_is_said_between_one_start_and_one_stop() -> None:
    client, voice = Listener(), Voice()
    await say(speaking(client, voice), "Yes, the **light** is on. It ", "is 21.5 °C.")
    assert voice.said == ["Yes, the light is on.", "It is 21.5 degrees Celsius."]
    assert client.types == ["audio-start", *["audio-chunk"] * (len(client.events) - 2), "audio-stop"]
    assert client.seconds == pytest.approx(0.1 * len("".join(voice.said)))


async def test_the_next_piece_is_made_while_the_last_one_is_sent() -> None:
    client, voice = Listener(), Voice(remembered=True)
    client.may_take.clear()
    slow = speaking(client, voice, pace=Pace(5.0))
    answer = asyncio.create_task(say(slow, "This is the first one. This is the second. And then a third. "))
    await asyncio.sleep(0.05)
    assert len(voice.said) == 2  # but not the one after: it would pile up
    assert client.types == ["audio-start"]
    client.may_take.set()
    await answer
    assert len(voice.said) == 3
    assert client.types[-1] == "audio-stop"


async def test_what_was_written_meanwhile_is_said_in_the_same_breath() -> None:
    client, voice = Listener(), Voice()
    await say(speaking(client, voice, more=["", " of it has come. And"]), "This is the first one. The rest")
    assert voice.said == ["This is the first one.", "The rest of it has come.", "And"]


async def test_what_cannot_be_said_ends_it_with_its_error() -> None:
    client, voice = Listener(), Voice()
    client.may_take.clear()
    with pytest.raises(BadInput, match="bad"):
        await say(speaking(client, voice), "This is the first one. Bad things come after it. ")
    client.may_take.set()
    await asyncio.sleep(0.01)
    assert client.types == ["audio-start"]  # nothing is sent behind the error


async def test_only_what_is_made_tells_the_pace() -> None:
    for remembered, told in ((False, True), (True, False)):
        pace = Pace(5.0)
        await say(speaking(Listener(), Voice(remembered=remembered), pace=pace), "This is made in no time at all. ")
        assert (pace.factor < 4) == told


async def test_cancelling_leaves_nothing_running() -> None:
    client, voice = Listener(), Voice()
    client.may_take.clear()
    answer = asyncio.create_task(
        say(speaking(client, voice), "This is the first one. This is the second. And a third. ")
    )
    await asyncio.sleep(0.02)
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    assert asyncio.all_tasks() == {cast("asyncio.Task[Any]", asyncio.current_task())}
