"""Every way in which a server can fail, at every stage: each turn ends, in an answer or an apology, never silently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk
from wyoming.tts import SynthesizeStopped

from satellite.sound.tones import sorry
from satellite.turns.apologies import PHRASES
from satellite.turns.asking import Patience
from satellite.turns.speaking import render
from tests.satellite import houses
from tests.satellite.houses import (
    RATE,
    House,
    asr,
    handle,
    house,
    nowhere,
    raw,
    serving,
    sound_of,
    spoken,
    streaming_tts,
    tts,
)
from tests.satellite.rooms import PATIENCE, Room, answer, begun, chunks
from wyoming_servers.service import Client

JOBS = ("asr", "handle", "tts")

GOOD: dict[str, Callable[[], Any]] = {
    "asr": lambda: serving("asr", asr("hello"), name="good asr"),
    "handle": lambda: serving("handle", handle("Good day."), name="good handle"),
    "tts": lambda: serving("tts", tts(), name="good tts"),
}

STREAMING: dict[str, dict[str, Any]] = {"asr": {}, "handle": {}, "tts": {"supports_synthesize_streaming": True}}

BAD: dict[str, Callable[[str], Any]] = {
    "refuses": nowhere,
    "dies at once": lambda job: raw(job, houses.dies_at_once),
    "dies later": lambda job: raw(job, houses.dies_later),
    "hangs": lambda job: raw(job, houses.hangs),
    "reads nothing": lambda job: raw(job, houses.reads_nothing),
    "sends garbage": lambda job: raw(job, houses.GARBAGE),
    "sends half an event": lambda job: raw(job, houses.HALF),
    "sends wrong values": lambda job: raw(job, houses.WRONG),
    "says error": lambda job: raw(job, houses.ERROR),
    "is busy": lambda job: raw(job, houses.BUSY),
    "streams and hangs": lambda job: raw(job, houses.hangs, **STREAMING[job]),
}


@pytest.mark.parametrize("job", JOBS)
async def test_the_next_server_does_the_job(tmp_path: Path, job: str) -> None:
    async def case(failure: str) -> object:
        async with house(BAD[failure](job), *(make() for make in GOOD.values())) as servers:
            report = await Room(servers, tmp_path / failure).turn()
        assert report.failures[0].startswith(f"{job}: ")
        return (report.heard, report.reply, report.apology, report.error, answer(report))

    ended = dict(zip(BAD, await asyncio.gather(*map(case, BAD)), strict=True))
    assert ended == dict.fromkeys(BAD, ("hello", "Good day.", None, None, sound_of("Good day.")))


@pytest.mark.parametrize("job", JOBS)
async def test_where_there_is_no_other_the_house_apologises(tmp_path: Path, job: str) -> None:
    async def case(failure: str) -> object:
        good = [make() for other, make in GOOD.items() if other != job]
        async with house(BAD[failure](job), *good) as servers:
            room = Room(servers, tmp_path / failure)
            began = time.monotonic()
            report = await room.turn()
        assert time.monotonic() - began < 10
        return (report.apology, room.talk.last_reply, answer(report))

    ended = dict(zip(BAD, await asyncio.gather(*map(case, BAD)), strict=True))
    words = sorry() if job == "tts" else spoken(PHRASES[job])
    assert ended == dict.fromkeys(BAD, (job, None, words))


async def test_a_dead_voice_is_apologised_for_in_its_own_words(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(house(GOOD["asr"](), GOOD["handle"]()))
        room = Room(servers, tmp_path)
        async with serving("tts", tts()) as voice:
            servers.add(voice)
            await asyncio.wait_for(room.apologies.run(), 60)
        report = await room.turn()
    assert room.apologies.complete
    assert report.apology == "tts"
    assert answer(report) == spoken(PHRASES["tts"])


async def test_nobody_at_all(tmp_path: Path) -> None:
    report = await Room(House(), tmp_path).turn()
    assert report.apology == "asr"
    assert answer(report) == sorry()


@pytest.mark.parametrize("job", JOBS)
async def test_a_server_that_is_restarted_is_used_again(tmp_path: Path, job: str) -> None:
    """It dies under the work and is back on the same address a moment later."""
    good = {"asr": asr("hello"), "handle": handle("Good day."), "tts": tts()}
    others = [make() for other, make in GOOD.items() if other != job]
    async with house(*others) as servers:
        room = Room(servers, tmp_path, replace(PATIENCE, silent=2.0, failing=3.0))
        async with raw(job, houses.hangs) as first:
            servers.add(first)
            turn = asyncio.create_task(room.turn())
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.3)
        async with serving(job, good[job], uri=first.uri):
            report = await turn
    assert (report.reply, report.apology) == ("Good day.", None)
    assert report.failures


async def test_the_sound_is_replayed_while_it_is_still_spoken(tmp_path: Path) -> None:
    heard: list[bytes] = []
    utterance = begun()
    async with house(
        raw("asr", houses.dies_later), serving("asr", asr("all of it", heard=heard)), GOOD["handle"](), GOOD["tts"]()
    ) as servers:
        turn = asyncio.create_task(Room(servers, tmp_path).turn(utterance))
        sent = chunks(1.0)
        for chunk in sent:
            utterance.add(chunk)
            await asyncio.sleep(0.005)
        utterance.end()
        assert (await turn).heard == "all of it"
    assert heard == [bytes(10 * 640) + b"".join(chunk.pcm for chunk in sent)]


async def test_an_answer_begun_by_one_server_and_ended_by_another_is_said_once(tmp_path: Path) -> None:
    def breaks_off() -> Any:
        async def behave(client: Client, event: Event) -> None:
            await client.send(HandledChunk(text="It is noon. "))
            await client.send(HandledChunk(text="And"))
            await asyncio.sleep(0.05)
            await client.send(Event("error", {"text": "out of order", "code": "broken"}))

        return behave

    async with house(
        GOOD["asr"](),
        serving("handle", breaks_off, name="first"),
        serving("handle", handle("It is ", "noon. And all is well."), name="second"),
        GOOD["tts"](),
    ) as servers:
        report = await Room(servers, tmp_path).turn()
    assert report.reply == "It is noon. And all is well."
    assert answer(report) == spoken("It is noon. And all is well.")


async def test_an_answer_that_breaks_off_is_followed_by_an_apology(tmp_path: Path) -> None:
    def breaks_off() -> Any:
        async def behave(client: Client, event: Event) -> None:
            await client.send(HandledChunk(text="It is noon. And"))
            await asyncio.sleep(0.05)
            await client.send(Event("error", {"text": "out of order", "code": "broken"}))

        return behave

    async with house(GOOD["asr"](), serving("handle", breaks_off), GOOD["tts"]()) as servers:
        report = await Room(servers, tmp_path).turn()
    assert report.apology == "handle"
    assert answer(report) == sound_of("It is noon.") + sound_of("And") + spoken(PHRASES["handle"])


@pytest.mark.parametrize("streams", [False, True])
async def test_a_voice_that_breaks_off_is_taken_up_by_another_where_it_was(tmp_path: Path, streams: bool) -> None:
    text = "This is a rather long answer, of which a part is heard. Then all the rest."

    def breaks_off() -> Any:
        async def behave(client: Client, event: Event) -> None:
            if event.type in ("synthesize", "synthesize-chunk"):
                sound = sound_of(event.data["text"])
                await client.send(AudioStart(rate=RATE, width=2, channels=1))
                await client.send(AudioChunk(rate=RATE, width=2, channels=1, audio=sound[:2000]))
                await client.send(Event("error", {"text": "out of order", "code": "broken"}))

        return behave

    more: dict[str, Any] = {"supports_synthesize_streaming": True} if streams else {}
    async with house(
        GOOD["asr"](),
        serving("handle", handle(text)),
        serving("tts", breaks_off, name="first", **more),
        serving("tts", streaming_tts() if streams else tts(), name="second", **more),
    ) as servers:
        report = await Room(servers, tmp_path).turn()
    assert answer(report) == (sound_of if streams else spoken)(text)
    assert report.apology is None


async def test_slow_servers_are_waited_for(tmp_path: Path) -> None:
    def slowly(make: Callable[[], Any]) -> Callable[[], Any]:
        def make_slow() -> Any:
            behave = make()

            async def behave_slowly(client: Client, event: Event) -> None:
                if event.type in ("audio-stop", "transcript", "synthesize"):
                    await asyncio.sleep(0.3)
                await behave(client, event)

            return behave_slowly

        return make_slow

    async with house(
        serving("asr", slowly(asr("hello"))),
        serving("handle", slowly(handle("Good day."))),
        serving("tts", slowly(tts())),
    ) as servers:
        report = await Room(servers, tmp_path).turn()
    assert (report.reply, report.failures) == ("Good day.", [])


async def test_endless_text_and_endless_sound_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.turns.speaking._LONGEST_S", 0.2)
    monkeypatch.setattr("satellite.turns.speaking._LONGEST_S_A_CHARACTER", 0.02)

    def babbles() -> Any:
        async def behave(client: Client, event: Event) -> None:
            while True:
                await client.send(HandledChunk(text="bla " * 1000))
                await asyncio.sleep(0)

        return behave

    def hums() -> Any:
        async def behave(client: Client, event: Event) -> None:
            await client.send(AudioStart(rate=RATE, width=2, channels=1))
            while event.type == "synthesize":
                await client.send(AudioChunk(rate=RATE, width=2, channels=1, audio=bytes(4000)))
                await asyncio.sleep(0)

        return behave

    def silent_voice() -> Any:
        async def behave(client: Client, event: Event) -> None:
            if event.type == "synthesize":
                await client.send(AudioStart(rate=RATE, width=2, channels=1))
                await client.send(AudioStop())
            elif event.type == "synthesize-stop":
                await client.send(SynthesizeStopped())

        return behave

    patience = Patience(connect=0.5, silent=0.4, failing=0.2, turn=1.0)
    async with house(GOOD["asr"](), serving("handle", babbles), GOOD["tts"]()) as servers:
        report = await Room(servers, tmp_path, patience).turn()
    assert report.error is not None
    assert "given up" in report.error
    for voice in (hums, silent_voice):
        async with house(GOOD["asr"](), GOOD["handle"](), serving("tts", voice)) as servers:
            report = await Room(servers, tmp_path, replace(patience, turn=30)).turn()
        assert report.apology == "tts"


async def test_rendering_is_bounded_in_time() -> None:
    async with house(raw("tts", houses.hangs)) as servers:
        began = time.monotonic()
        assert await render(servers, "Hello.", voice=None, patience=Patience(silent=0.2, failing=0)) is None
        assert time.monotonic() - began < 2
    assert await render(House(), "Hello.", voice=None, patience=Patience(failing=0)) is None


async def test_the_last_word_may_come_without_chunks(tmp_path: Path) -> None:
    def whole() -> Any:
        async def behave(client: Client, event: Event) -> None:
            await client.send(Handled(text="All at once."))

        return behave

    async with house(GOOD["asr"](), serving("handle", whole), GOOD["tts"]()) as servers:
        assert (await Room(servers, tmp_path).turn()).reply == "All at once."
