import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.silence import KEPT_MS, THRESHOLD, Trim

RATE = 1000
"""A sample is a millisecond."""


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


def trim(sound: bytes, size: int) -> bytes:
    trimmer = Trim(RATE)
    return b"".join(trimmer.feed(sound[at : at + size]) for at in range(0, len(sound), size)) + trimmer.finish()


def test_silence_around_goes_and_pauses_stay() -> None:
    quiet, loud = [0] * 300, [5000, -5000] * 10
    trimmed = trim(pcm(*quiet, *loud, *quiet, *loud, *quiet), 100)
    kept = [0] * KEPT_MS
    assert trimmed == pcm(*kept, *loud, *quiet, *loud, *kept)


def test_the_first_sound_comes_at_once() -> None:
    trimmer = Trim(RATE)
    assert trimmer.feed(pcm(*[0] * 300)) == b""
    assert trimmer.feed(pcm(0, 0, 900, 800)).endswith(pcm(0, 0, 900, 800))


def test_nothing_but_silence_is_nothing() -> None:
    assert trim(pcm(*[THRESHOLD - 1, 1 - THRESHOLD] * 500), 200) == b""
    assert trim(b"", 2) == b""


def test_it_can_be_used_again() -> None:
    trimmer = Trim(RATE)
    sound = pcm(*[0] * 100, 900, *[0] * 100)
    first = trimmer.feed(sound) + trimmer.finish()
    assert trimmer.feed(sound) + trimmer.finish() == first != b""


@given(st.lists(st.sampled_from([0, 1, -63, 64, -64, 32767, -32768]), max_size=300), st.integers(1, 100))
def test_however_it_comes(samples: list[int], size: int) -> None:
    whole = trim(pcm(*samples), 1000)
    assert whole == trim(pcm(*samples), 2 * size)
    loud = [index for index, sample in enumerate(samples) if abs(sample) >= THRESHOLD]
    if not loud:
        assert whole == b""
    else:
        begin, end = max(0, loud[0] - KEPT_MS), loud[-1] + 1 + KEPT_MS
        assert whole == pcm(*samples[begin:end])
