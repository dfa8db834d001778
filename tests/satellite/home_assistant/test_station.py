"""The whole satellite in the test's own loop, with real sound, sockets and files, and Home Assistant as it behaves."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from wyoming.event import Event
from wyoming.info import Attribution, Satellite

from bench.assistant import TTS_RATE, home_assistant
from bench.conversations import speak
from models.engine import WakeWordHeard, WakeWordStream
from satellite.controls import Controls
from satellite.home_assistant.cue import Cue
from satellite.home_assistant.station import Station
from satellite.sound.answers import FolderSink
from satellite.sound.clips import ClipMicrophone
from satellite.sound.sound_command import CommandMicrophone, CommandSink
from satellite.sound.speaker import Speaker
from tests.satellite import player as player_command
from tests.satellite.houses import until
from tests.satellite.sounds import tone
from wyoming_servers.wire import Info, describe

INFO = Info(
    satellite=Satellite(
        name="kitchen",
        description="A satellite",
        attribution=Attribution(name="", url=""),
        installed=True,
        version="1",
        area="Kitchen",
    )
)


class House:
    def __init__(self, folder: Path, cue: Cue, wake_word: WakeWordStream | None) -> None:
        self.folder = folder
        self.controls = Controls()
        self.microphone = ClipMicrophone()
        self.station = Station(
            self.microphone,
            Speaker("folder", lambda name: FolderSink(folder, name)),
            info=INFO,
            cue=cue,
            wake_word=wake_word,
            controls=self.controls,
        )
        self.uri = ""

    @property
    def spoken(self) -> int:
        return len(list(self.folder.glob("speech-*.wav")))


@asynccontextmanager
async def house(folder: Path, cue: Cue = Cue.NOTHING, wake_word: WakeWordStream | None = None) -> AsyncIterator[House]:
    it = House(folder, cue, wake_word)
    async with it.station.service.listen("tcp://127.0.0.1:0") as it.uri:
        running = asyncio.create_task(it.station.run())
        try:
            yield it
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_turn_from_a_button_to_the_true_end_of_the_answer(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as assistant:
        await it.station.ready()
        it.controls.trigger()
        await assistant.until(lambda me: me.played == 1)
        assert [event.type for event in assistant.events] == ["info", "run-pipeline", "played"]
        assert it.spoken == 1


async def test_it_is_described_as_a_satellite(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as assistant:
        await assistant.until(lambda me: me.info is not None)
        assert assistant.info is not None and assistant.info.satellite is not None
        assert (assistant.info.satellite.name, assistant.info.satellite.area) == ("kitchen", "Kitchen")
        assert assistant.runs == []


async def test_home_assistant_hears_the_wake_word(tmp_path: Path) -> None:
    async with house(tmp_path, Cue.THERE) as it, home_assistant(it.uri) as assistant:
        for turn in (1, 2):
            await assistant.until(lambda me, turn=turn: me.played == turn)  # type: ignore[misc]
        assert {run.start_stage.value for run in assistant.runs} == {"wake"}


async def test_one_breath_after_a_wake_word_that_is_heard_here(tmp_path: Path) -> None:
    pytest.importorskip("pymicro_wakeword", reason="needs pip install 'wyoming-hearth[wake]'")
    from models.microwakeword import open_wake_words

    heard: list[bytes] = []

    def listen(sound: bytes) -> tuple[str, str]:
        heard.append(sound)
        return "what time is it", "It is noon."

    word = open_wake_words().open(names=["okay_nabu"])
    async with house(tmp_path, Cue.HERE, word) as it, home_assistant(it.uri, listen, hears_s=1.5) as assistant:
        await it.station.ready()
        await it.microphone.play(speak("okay nabu, what time is it"))
        await assistant.until(lambda me: me.played == 1)
        assert [event.type for event in assistant.events] == ["info", "detection", "run-pipeline", "played"]
        assert assistant.events[1].data["name"] == "okay_nabu"
        assert max(memoryview(heard[0]).cast("h")) > 3000, "what was said right after the word is in it"


@pytest.mark.parametrize("by", ["us", "home assistant"])
async def test_muted_not_even_who_hears_the_wake_word_hears_anything(tmp_path: Path, by: str) -> None:
    class Listener(WakeWordStream):
        loudest = 0

        def feed(self, pcm: bytes) -> list[WakeWordHeard]:
            self.loudest = max(self.loudest, *memoryview(pcm).cast("h"))
            return []

    listener = Listener()
    async with house(tmp_path, Cue.HERE, listener) as it, home_assistant(it.uri) as assistant:
        await it.station.ready()
        if by == "us":
            it.controls.muted = True
        else:
            await assistant.pause()
            await until(lambda: not it.station._conversation.is_ready)
        await it.microphone.play(tone(0.5))
        assert listener.loudest < 1000
        if by == "us":
            it.controls.muted = False
            await it.microphone.play(tone(0.5))
            await until(lambda: listener.loudest > 1000)


@pytest.mark.parametrize("cue", [Cue.NOTHING, Cue.THERE])
async def test_a_button_while_home_assistant_is_at_work(tmp_path: Path, cue: Cue) -> None:
    async with house(tmp_path, cue) as it, home_assistant(it.uri, wakes_s=60) as assistant:
        assistant.thinks_s = 60.0
        if cue is Cue.NOTHING:
            await it.station.ready()
            it.controls.trigger()
        await assistant.until(lambda me: me.doing == ("handle" if cue is Cue.NOTHING else "wake"))
        assistant.thinks_s = 0.0
        it.controls.trigger()
        await assistant.until(lambda me: me.played == 1)
        assert [run.start_stage.value for run in assistant.runs[1:3]] == ["tts", "asr"]


async def test_announcements_are_acknowledged_when_they_were_heard(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as assistant:
        await it.station.ready()
        began = asyncio.get_running_loop().time()
        await assistant.announce(0.4)
        assert asyncio.get_running_loop().time() - began >= 0.4
        assert it.spoken == 1


async def test_an_announcement_within_a_turn(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri, hears_s=60) as assistant:
        await it.station.ready()
        it.controls.trigger()
        await assistant.until(lambda me: len(me.runs) == 1)
        await assistant.announce()
        it.controls.trigger()
        await assistant.until(lambda me: len(me.runs) == 2)


async def test_a_long_answer_comes_faster_than_it_is_heard_and_home_assistant_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri, speech=lambda _: tone(120, rate=TTS_RATE)) as assistant:
        await it.station.ready()
        it.controls.trigger()
        await assistant.until(lambda me: me.answered == 1)
        it.controls.stop()
        await assistant.until(lambda me: me.played == 1)


async def test_it_is_described_on_another_connection_whatever_goes_on(tmp_path: Path) -> None:
    speech = tone(30, rate=TTS_RATE)
    async with house(tmp_path) as it, home_assistant(it.uri, speech=lambda _: speech) as assistant:
        await it.station.ready()
        it.controls.trigger()
        await assistant.until(lambda me: me.doing == "asr")
        assert (await describe(it.uri)).satellite is not None
        await assistant.until(lambda me: me.answered == 1, 5)
        assert (await describe(it.uri)).satellite is not None, "while it speaks"
        assert it.station.is_connected
    await until(lambda: not it.station.is_connected)


async def test_another_volume_is_heard_while_it_speaks(tmp_path: Path) -> None:
    log = tmp_path / "heard"
    player = f"{sys.executable} -P {Path(player_command.__file__)} {log} 0.1"
    controls = Controls()
    station = Station(
        ClipMicrophone(),
        Speaker("player", lambda _: CommandSink(player)),
        info=INFO,
        cue=Cue.NOTHING,
        controls=controls,
    )
    async with station.service.listen("tcp://127.0.0.1:0") as uri, home_assistant(uri) as assistant:
        running = asyncio.create_task(station.run())
        await station.ready()
        announcing = asyncio.create_task(assistant.announce(3))
        await asyncio.sleep(1)
        changed, controls.volume = time.monotonic(), 10
        await announcing
        ended = time.monotonic()
        running.cancel()
        await asyncio.wait([running])
    pieces = [line.split() for line in log.read_text().splitlines()]
    quiet = [float(at) for at, _, peak in pieces if 0 < int(peak) < 1000]
    assert changed <= quiet[0] < changed + 0.5
    assert sum(int(samples) for _, samples, _ in pieces) == 3 * TTS_RATE, "nothing is lost"
    assert 0 <= ended - float(pieces[-1][0]) < 1, "played, when it was heard"


async def test_pings_go_both_ways(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as assistant:
        await assistant.until(lambda me: me.pings > 0)
        await asyncio.sleep(4)
        assert not assistant.hung_up
        assert assistant.pings >= 2


async def test_a_second_home_assistant_is_refused_while_the_first_is_there(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as first:
        await it.station.ready()
        async with home_assistant(it.uri) as second:
            await second.until(lambda me: me.hung_up)
            (error,) = [event for event in second.events if event.type == "error"]
            assert error.data["code"] == "busy"
            assert "serves the Home Assistant at 127.0.0.1" in error.data["text"]
        it.controls.trigger()
        await first.until(lambda me: me.played == 1)


async def test_a_second_takes_the_place_of_one_that_is_silent(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        host, _, port = it.uri.removeprefix("tcp://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'{"type": "run-satellite"}\n')  # and then it is switched off
        await it.station.ready()
        async with home_assistant(it.uri) as second:
            await second.until(lambda me: me.info is not None)
            await asyncio.sleep(2.2)
            it.controls.trigger()
            await second.until(lambda me: me.played == 1)
        writer.close()


async def test_a_second_takes_the_place_of_one_that_has_muted_the_satellite(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as first:
        await it.station.ready()
        await first.pause()
        await asyncio.sleep(0.2)
        async with home_assistant(it.uri) as second:
            await it.station.ready()
            it.controls.trigger()
            await second.until(lambda me: me.played == 1)
            assert first.runs == []


async def test_what_home_assistant_sends_wrong_is_told_and_harms_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as it, home_assistant(it.uri) as assistant:
        await it.station.ready()
        bad = [
            Event("audio-start", {"rate": 1, "width": 2, "channels": 1}),
            Event("audio-chunk", {"rate": 22050, "width": 2, "channels": 1}, b"odd"),
            Event("transcript", {"text": 5}),
            Event("synthesize", {}),
            Event("timer-started", {"id": "", "total_seconds": 5}),
            Event("timer-started", {"id": "a", "total_seconds": -1}),
            Event("timer-updated", {"id": "a", "is_active": "yes", "total_seconds": 5}),
            Event("timer-finished", {}),
            Event("nobody-knows", {"text": "this"}),
        ]
        await assistant.send(*bad)
        await assistant.until(lambda me: len(me.events) == len(bad))
        assert [event.type for event in assistant.events] == ["info"] + ["error"] * (len(bad) - 1)
        it.controls.trigger()
        await assistant.until(lambda me: me.played == 1)


async def test_nothing_is_done_for_who_has_not_run_it(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        host, _, port = it.uri.removeprefix("tcp://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'{"type": "audio-start", "data": {"rate": 22050, "width": 2, "channels": 1}}\n')
        answer = await asyncio.wait_for(reader.readline(), 60)
        assert b'"error"' in answer
        writer.close()


@pytest.mark.parametrize("clip", [tone(1.0)])
async def test_who_speaks_is_heard(tmp_path: Path, clip: bytes) -> None:
    """Without a wake word: the recording's sound itself reaches Home Assistant."""
    heard: list[bytes] = []

    def listen(sound: bytes) -> tuple[str, str]:
        heard.append(sound)
        return "something", ""

    async with house(tmp_path) as it, home_assistant(it.uri, listen, hears_s=1.2) as assistant:
        await it.station.ready()
        it.controls.trigger()
        await assistant.until(lambda me: len(me.runs) == 1)
        await it.microphone.play(clip)
        await asyncio.sleep(0.5)
    assert max(heard[0]) > 100


async def test_a_microphone_that_gives_nothing_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("satellite.sound.microphone.GONE_S", 0.5)
    speaker = Speaker("folder", lambda name: FolderSink(tmp_path, name))
    microphone = CommandMicrophone("sh -c 'head -c 6400 /dev/zero; sleep 60'")
    station = Station(microphone, speaker, info=INFO, cue=Cue.NOTHING)
    assert station.problems() == ["the microphone has given nothing yet"]
    running = asyncio.create_task(station.run())
    await until(lambda: not station.problems())
    await until(lambda: station.problems() == ["the microphone has given nothing for 1 s"])
    running.cancel()
    await asyncio.wait([running])
