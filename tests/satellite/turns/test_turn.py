from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk, NotHandled

from satellite.report import STAGES
from satellite.sound.microphone import CHUNK_SAMPLES
from satellite.sound.speaker import Sink, Speaker, SpeakerError
from satellite.turns.deciding import NOBODY_DOES, NOT_UNDERSTOOD
from satellite.turns.turn import CONVERSATION_S
from tests.satellite.houses import asr, early_asr, handle, house, serving, sound_of, spoken, streaming_tts, tts, until
from tests.satellite.rooms import Room, answer, begun, chunks, said
from wyoming_servers.service import Client

STREAMING: dict[str, Any] = {"supports_synthesize_streaming": True}
FINDS_END: dict[str, Any] = {"requires_external_vad": False}


async def test_a_turn_from_the_first_word_to_the_last(tmp_path: Path) -> None:
    heard: list[bytes] = []
    asked: list[Event] = []
    spoken: list[str] = []
    context: dict[str, object] = {
        "intent": {"name": "HassGetCurrentTime", "slots": {}},
        "actions": [{"id": "1", "name": "volume-set", "data": {"percent": 100}}],
    }
    async with house(
        serving("asr", asr("what time is it", heard=heard)),
        serving("handle", handle("It is noon. ", "High noon.", context=context, asked=asked)),
        serving("tts", streaming_tts(spoken), **STREAMING),
    ) as servers:
        room = Room(servers, tmp_path)
        room.situation["sightings"] = [{"name": "person", "score": 1, "age_ms": 5, "camera": "door"}]
        utterance = said()
        report = await room.turn(utterance)
    assert report.heard == "what time is it"
    assert report.handled is True
    assert report.intent == {"name": "HassGetCurrentTime", "slots": {}}
    assert report.actions == context["actions"]
    assert report.reply == "It is noon. High noon."
    assert (report.apology, report.error, report.failures) == (None, None, [])
    assert spoken == ["It is noon. ", "High noon."]
    assert answer(report) == sound_of("It is noon. ") + sound_of("High noon.")
    assert report.wav == tmp_path / f"{report.id}.wav"
    assert room.watcher.events == ["began", "heard what time is it", "decided It is noon. High noon.", "ended"]
    assert room.watcher.happenings[:5] == [
        *("stt-start", "streaming-start", "stt-stop", "streaming-stop", "transcript what time is it")
    ]
    assert set(room.watcher.happenings[5:]) == {
        "synthesize It is noon. High noon.",
        "tts-start",
        "tts-stop",
        "tts-played",
    }
    assert utterance.ended
    # Everything from the pre-roll on was heard, until 0.7 s of silence.
    assert len(heard[0]) == (10 + 25 + 35) * CHUNK_SAMPLES * 2
    data = asked[0].data
    assert data["text"] == "what time is it"
    assert data["context"]["sightings"] == room.situation["sightings"]
    assert (data["context"]["timers"], data["context"]["volume"]) == ([], 100)
    assert len(data["context"]["conversation_id"]) == 26
    stages = [report.stages[name] for name in STAGES]
    assert all(stage.ended is not None and stage.began <= stage.ended for stage in stages)
    assert [stage.began for stage in stages] == sorted(stage.began for stage in stages)
    assert report.first_sound == report.stages["speak"].began


async def test_what_is_said_streams_while_it_is_spoken(tmp_path: Path) -> None:
    """The server ends the utterance itself, in the middle of the sound."""
    async with house(
        serving("asr", early_asr("stop", after=32_000), **FINDS_END),
        serving("handle", handle("Fine.")),
        serving("tts", tts()),
    ) as servers:
        room = Room(servers, tmp_path)
        utterance = begun()
        turn = asyncio.create_task(room.turn(utterance))
        for chunk in chunks(0.5):
            utterance.add(chunk)
        await asyncio.sleep(0.1)
        assert room.watcher.events == ["began"]
        for chunk in chunks(1):
            utterance.add(chunk)
        await until(lambda: "heard stop" in room.watcher.events)
        assert utterance.ended
        assert (await turn).reply == "Fine."


@pytest.mark.parametrize(("more", "seconds"), [({}, 0.7), (FINDS_END, 1.5)])
async def test_silence_ends_an_utterance_that_the_server_does_not(
    tmp_path: Path, more: dict[str, Any], seconds: float
) -> None:
    heard: list[bytes] = []
    async with house(
        serving("asr", asr(heard=heard), **more), serving("handle", handle("Yes.")), serving("tts", tts())
    ) as servers:
        assert (await Room(servers, tmp_path).turn(said(1.0))).reply == "Yes."
    assert len(heard[0]) / 32_000 == pytest.approx(0.2 + 1.0 + seconds)


async def test_an_intent_left_to_home_assistant_is_not_claimed_to_be_done(tmp_path: Path) -> None:
    def wants() -> Any:
        async def behave(client: Client, event: Event) -> None:
            data = {"name": "HassTurnOn", "entities": [{"name": "name", "value": "lamp"}], "text": "Turned on the lamp"}
            await client.send(Event("intent", data))

        return behave

    async with house(serving("asr", asr()), serving("handle", wants), serving("tts", tts())) as servers:
        report = await Room(servers, tmp_path).turn()
    assert (report.handled, report.reply) == (False, NOBODY_DOES)
    assert report.intent == {"name": "HassTurnOn", "slots": {"name": "lamp"}}


@pytest.mark.parametrize("streams", [False, True])
async def test_the_first_clause_is_heard_while_the_rest_is_decided(tmp_path: Path, streams: bool) -> None:
    released = asyncio.Event()

    def slow() -> Any:
        async def behave(client: Client, event: Event) -> None:
            await client.send(HandledChunk(text="The first clause. "))
            await released.wait()
            await client.send(HandledChunk(text="The last."))
            await client.send(Handled(text="The first clause. The last."))

        return behave

    asked: list[str] = []
    program, more = (streaming_tts(asked), STREAMING) if streams else (tts(asked), {})
    async with house(serving("asr", asr()), serving("handle", slow), serving("tts", program, **more)) as servers:
        room = Room(servers, tmp_path)
        turn = asyncio.create_task(room.turn())
        await until(lambda: asked)
        await asyncio.sleep(0.05)
        assert not any(event.startswith("decided") for event in room.watcher.events)
        released.set()
        report = await turn
        first = "The first clause. " if streams else "The first clause."
        assert answer(report) == sound_of(first) + sound_of("The last.")
        assert report.stages["speak"].began < (report.stages["handle"].ended or 0)


async def test_servers_of_whole_texts_are_given_clauses(tmp_path: Path) -> None:
    spoken: list[str] = []
    async with house(
        serving("asr", asr()),
        serving("handle", handle("It is 3.5 degrees, ", "and it rains. Take", " a coat!")),
        serving("tts", tts(spoken)),
    ) as servers:
        await Room(servers, tmp_path).turn()
    assert spoken == ["It is 3.5 degrees,", "and it rains.", "Take a coat!"]


async def test_a_conversation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Event] = []
    async with house(
        serving("asr", asr()), serving("handle", handle("Hm.", asked=asked)), serving("tts", tts())
    ) as servers:
        room = Room(servers, tmp_path)
        for _ in range(2):
            await room.turn()
        room.talk.last_time -= CONVERSATION_S
        await room.turn()
    first, second, third = (event.data["context"] for event in asked)
    assert first["conversation_id"] == second["conversation_id"] != third["conversation_id"]
    assert "last_reply" not in first
    assert second["last_reply"] == "Hm."
    assert "last_reply" not in third


async def test_nothing_understood_is_asked_all_the_same(tmp_path: Path) -> None:
    def refuse() -> Any:
        async def behave(client: Client, event: Event) -> None:
            assert event.data["text"] == ""
            await client.send(NotHandled())

        return behave

    async with house(serving("asr", asr("")), serving("handle", refuse), serving("tts", tts())) as servers:
        report = await Room(servers, tmp_path).turn()
    assert (report.heard, report.handled, report.reply) == ("", False, NOT_UNDERSTOOD)
    assert answer(report) == spoken(NOT_UNDERSTOOD)


async def test_an_answer_without_words_is_silence(tmp_path: Path) -> None:
    context: dict[str, object] = {"actions": [{"id": "1", "name": "stop", "data": {}}]}
    async with house(
        serving("asr", asr("stop")), serving("handle", handle(context=context)), serving("tts", tts())
    ) as servers:
        report = await Room(servers, tmp_path).turn()
    assert report.handled is True
    assert (report.wav, report.first_sound, report.error, report.apology) == (None, None, None, None)


async def test_streams_without_a_last_word_are_understood(tmp_path: Path) -> None:
    async with house(
        serving("asr", asr()), serving("handle", handle("Only", " chunks.", whole=False)), serving("tts", tts())
    ) as servers:
        report = await Room(servers, tmp_path).turn()
    assert (report.reply, report.handled, report.apology) == ("Only chunks.", True, None)


async def test_cancelling_a_turn_ends_the_work_and_the_sound(tmp_path: Path) -> None:
    ended: list[str] = []

    def endless() -> Any:
        async def behave(client: Client, event: Event) -> None:
            try:
                await client.send(HandledChunk(text="I talk and talk. " * 100))
                await asyncio.sleep(100)
            finally:
                ended.append("handle")

        return behave

    async with house(serving("asr", asr()), serving("handle", endless), serving("tts", tts())) as servers:
        room = Room(servers, tmp_path)
        turn = asyncio.create_task(room.turn())
        await until(lambda: any(path.stat().st_size > 3000 for path in tmp_path.glob("*.wav")))
        began = asyncio.get_running_loop().time()
        turn.cancel()
        await asyncio.wait([turn])
        assert asyncio.get_running_loop().time() - began < 0.5
        await until(lambda: ended)
        assert room.watcher.events[-1] == "ended"
        assert room.talk.last_reply is None


async def test_a_speaker_that_fails_does_not_keep_the_work_from_being_done(tmp_path: Path) -> None:
    class Broken(Sink):
        async def open(self) -> None:
            raise SpeakerError("speaker: no sound device")

        async def put(self, pcm: bytes) -> None:
            raise AssertionError

        async def drain(self) -> None:
            raise AssertionError

    context: dict[str, object] = {"actions": [{"id": "1", "name": "timer-set", "data": {"seconds": 5}}]}
    async with house(
        serving("asr", asr()), serving("handle", handle("Done.", context=context)), serving("tts", tts())
    ) as servers:
        room = Room(servers, tmp_path)
        room.means = type(room.means)(**{**vars(room.means), "speaker": Speaker("broken", lambda _: Broken(22_050))})
        report = await room.turn()
    assert report.error == "speaker: no sound device"
    assert report.reply == "Done."
    assert len(room.timers.listed()) == 1
