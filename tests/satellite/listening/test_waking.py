from __future__ import annotations

import numpy as np
import pytest

from models.microwakeword import open_wake_words
from satellite.listening.waking import EARLIER_S, LATER_S, Waking, Woken
from satellite.sound.microphone import CHUNK_BYTES, CHUNK_SAMPLES, Chunk
from tests.models.speech import speech

pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed: script/setup")

BEGAN = 1000.0
"""Monotonic time of the first sample."""


def chunks(pcm: bytes) -> list[Chunk]:
    return [
        Chunk(pcm[at : at + CHUNK_BYTES], at // 2, BEGAN + at / 32_000)
        for at in range(0, len(pcm) // CHUNK_BYTES * CHUNK_BYTES, CHUNK_BYTES)
    ]


def told(pcm: bytes, *names: str) -> list[tuple[float, Woken]]:
    """Return what is told, and the seconds of sound after which it is."""
    waking = Waking(open_wake_words().open(names=names))
    return [
        ((index + 1) * CHUNK_SAMPLES / 16_000, woken)
        for index, chunk in enumerate(chunks(pcm))
        if (woken := waking.feed(chunk)) is not None
    ]


def noise(seconds: float, loudness: float = 30) -> bytes:
    sound = np.random.default_rng(1).normal(0, loudness, round(seconds * 16_000))
    return sound.astype("<i2").tobytes()


def word_and(rest: bytes) -> tuple[bytes, float]:
    """Return the word and then `rest`, with a room's noise; and the seconds after which the word is over."""
    word = np.frombuffer(speech("Okay Nabu.", before_ms=0, after_ms=0), "<i2")
    word = word[: np.flatnonzero(abs(word.astype(int)) > 300)[-1]]
    both = np.frombuffer(bytes(32_000) + word.tobytes() + rest + bytes(32_000), "<i2")
    return (both // 2 + np.frombuffer(noise(len(both) / 16_000), "<i2")).astype("<i2").tobytes(), 1 + len(word) / 16_000


def test_the_command_begins_where_the_word_ends() -> None:
    pcm, end = word_and(b"")
    ((known, woken),) = told(pcm, "okay_nabu")
    assert woken.name == "okay_nabu"
    assert -0.02 <= woken.since - BEGAN - end <= EARLIER_S + LATER_S
    assert woken.since - BEGAN < known <= end + 0.5


@pytest.mark.parametrize("pause", [0.1, 0.2, 0.3, 0.6])
def test_in_one_breath_the_cut_lies_in_the_pause(pause: float) -> None:
    command = speech("Turn on the lights in the office.", before_ms=0, after_ms=0)
    start = np.flatnonzero(abs(np.frombuffer(command, "<i2").astype(int)) > 300)[0]
    pcm, end = word_and(bytes(int(pause * 16_000) * 2) + command[2 * start :])
    ((_, woken),) = told(pcm, "okay_nabu")
    assert end - 0.04 <= woken.since - BEGAN <= end + pause + 0.02


def test_it_goes_on_listening() -> None:
    pcm, _ = word_and(b"")
    heard = told(pcm * 3, "okay_nabu")
    assert len(heard) == 3 if len(pcm) > 64_000 else 2
    assert [woken.since for _, woken in heard] == sorted(woken.since for _, woken in heard)


def test_only_the_words_that_were_asked_for() -> None:
    pcm, _ = word_and(b"")
    assert told(pcm, "alexa") == []
    assert [woken.name for _, woken in told(pcm, "alexa", "ok_nabu")] == ["okay_nabu"]
    assert told(noise(5, 3000), "okay_nabu", "alexa", "hey_jarvis", "hey_mycroft") == []
