"""One breath: the wake word and a command, through the real ear and real servers, as fast as they can.

And the same for Home Assistant, which gives what it is sent to the same servers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from models.microwakeword import open_wake_words
from models.silero import SileroVoiceActivity
from satellite.home_assistant.cue import Cue
from satellite.listening.ear import Ear
from satellite.listening.voice import Voice
from satellite.listening.waking import Waking
from satellite.services.rehearsal import OwnServers, own_servers
from satellite.sound.microphone import CHUNK_BYTES, Chunk
from satellite.turns.asking import Asker
from satellite.turns.deciding import decide
from satellite.turns.hearing import hear
from satellite.turns.reply import Reply
from tests.satellite.fast import Fast
from tests.satellite.home_assistant.station import Room
from tests.satellite.houses import House
from wyoming_servers.wire import answer, connect
from wyoming_servers.wire.audio import RATE, WIDTH, read_wav

pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed: script/setup")

Key = TypeVar("Key", bound=Hashable)

OFFICE_LIGHTS = {"name": "HassTurnOn", "slots": {"area": "office", "domain": "light"}}

ENDS_S = {"okay_nabu": 1.53, "hey_jarvis": 1.29, "hey_mycroft": 1.19, "alexa": 1.05}
"""Where the word ends in its recording, which goes on for 2 s."""


AT_ONCE = 2
"""Sounds that are heard at the same time: the satellite's part is done here, the servers' in their processes."""


async def count(cases: Iterable[tuple[Key, Awaitable[bool]]]) -> dict[Key, int]:
    """Return how many of each are true."""
    found: dict[Key, int] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def one(key: Key, case: Awaitable[bool]) -> None:
        async with places:
            came_out_right = await case
        found[key] = found.get(key, 0) + came_out_right

    await asyncio.gather(*(one(*case) for case in cases))
    print(found)  # noqa: T201
    return found


def over_a_room(sounds: Sequence[bytes]) -> bytes:
    """Return the sounds one after the other, with the noise of a quiet room."""
    sound = np.frombuffer(b"".join(sounds), "<i2").astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 20, len(sound))
    both = np.clip(sound + noise, -32768, 32767).astype("<i2").tobytes()
    return both[: len(both) // 640 * 640]


def from_its_first_sound(pcm: bytes) -> bytes:
    """Return a recording without the quiet before its first sound, 30 dB below the loudest."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    return pcm[2 * int(np.flatnonzero(samples > samples.max() / 30)[0]) :]


async def is_understood(servers: OwnServers, word: str, sound: bytes) -> bool:
    """Return whether a satellite that is called by `word` understands what is said to it."""
    ear = Ear(Waking(open_wake_words().open(names=[word])))
    voice = Voice(House(), ear.judge, open_engine=SileroVoiceActivity)

    async def listen() -> None:
        async with Fast(sound) as microphone:
            await ear.run(microphone, voice)

    listening = asyncio.create_task(listen())
    try:
        utterance = await asyncio.wait_for(ear.hear(), 10)
        async with Asker(servers) as asker:
            text, _ = await hear(asker, utterance, language="en", began=lambda: None)
            return (await decide(asker, text, Reply(), language="en", context={})).intent == OFFICE_LIGHTS
    except TimeoutError:
        return False
    finally:
        listening.cancel()
        await asyncio.wait([listening])


@pytest.mark.timeout(240)
async def test_one_breath(tmp_path: Path, shared: Path) -> None:
    words = {word: read_wav(shared / "media" / "wakeword" / "clips" / f"{word}.wav") for word in ENDS_S}
    commands = [read_wav(clip) for clip in sorted((shared / "media/speech/office_lights").glob("*_16bit.wav"))]
    assert len(commands) == 20
    quiet = bytes(2 * RATE * 2)
    async with own_servers(tmp_path, jobs=("asr", "handle")) as servers:

        def cases() -> Iterator[tuple[tuple[str, str], Awaitable[bool]]]:
            for word, clip in words.items():
                said = commands if word == "okay_nabu" else commands[::5]
                end = 2 * round(ENDS_S[word] * RATE)
                for name, between in (("joined", clip[end:]), ("one breath", bytes(2 * round(0.15 * RATE)))):
                    for command in said:
                        after = command if name == "joined" else from_its_first_sound(command)
                        sound = over_a_room([clip[:end], between, after, quiet])
                        yield (word, name), is_understood(servers, word, sound)

        found = await count(cases())
    assert found["okay_nabu", "joined"] >= 19, found
    assert found["okay_nabu", "one breath"] >= 19, found
    assert len(found) == 2 * len(words)
    assert all(times >= 3 for times in found.values()), found


def sent_to_home_assistant(word: str, sound: bytes) -> bytes:
    """Return what a satellite that is called by `word` gives to the pipeline that it has run."""
    room = Room(Cue.HERE, voice=False)
    room.connect()
    waking = Waking(open_wake_words().open(names=[word]))
    for place in range(0, len(sound), CHUNK_BYTES):
        chunk = Chunk(sound[place : place + CHUNK_BYTES], place // WIDTH, room.now)
        room.conversation.hear(chunk)
        woken = waking.feed(chunk)
        if woken is not None and room.conversation.awaits_wake_word:
            room.conversation.woken(woken.name, woken.since)
        room.now += 0.02
        room.conversation.tick()
    return b"".join(event.payload or b"" for event in room.link.events if event.type == "audio-chunk")


async def is_understood_by_home_assistant(servers: OwnServers, word: str, sound: bytes) -> bool:
    """Return whether what is said to a satellite is understood, as Home Assistant asks the servers for it."""
    pcm = sent_to_home_assistant(word, sound)
    if not pcm:
        return False
    async with await connect(servers.uris["asr"]) as asr:
        await asr.send(Transcribe(language="en"))
        await asr.send(AudioStart(rate=RATE, width=WIDTH, channels=1))
        for place in range(0, len(pcm), 2048):
            await asr.send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm[place : place + 2048]))
        await asr.send(AudioStop())
        while (event := await answer(asr)).type != "transcript":
            pass
    async with Asker(servers) as asker:
        return (await decide(asker, event.data["text"], Reply(), language="en", context={})).intent == OFFICE_LIGHTS


@pytest.mark.timeout(120)
async def test_one_breath_for_home_assistant(tmp_path: Path, shared: Path) -> None:
    clip = read_wav(shared / "media" / "wakeword" / "clips" / "okay_nabu.wav")
    commands = [read_wav(path) for path in sorted((shared / "media/speech/office_lights").glob("*_16bit.wav"))]
    assert len(commands) == 20
    end, quiet = 2 * round(ENDS_S["okay_nabu"] * RATE), bytes(2 * RATE)
    async with own_servers(tmp_path, jobs=("asr", "handle")) as servers:

        def cases() -> Iterator[tuple[str, Awaitable[bool]]]:
            for command in commands:
                joined = [clip, command, quiet]
                breath = [clip[:end], bytes(2 * round(0.15 * RATE)), from_its_first_sound(command), quiet]
                for name, sounds in (("joined", joined), ("one breath", breath)):
                    yield name, is_understood_by_home_assistant(servers, "okay_nabu", over_a_room(sounds))

        found = await count(cases())
    assert len(found) == 2
    assert all(times >= 19 for times in found.values()), found
