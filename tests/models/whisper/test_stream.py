"""One utterance on its way to Whisper, with an ear that is told when somebody speaks, and no Whisper."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.engine import EngineError, Hearing, VoiceActivityStream
from models.silero import WINDOW_SAMPLES
from models.whisper.reader import Sound, Written
from models.whisper.run import Stop, Stopped
from models.whisper.stream import WhisperStream

WINDOW_S = WINDOW_SAMPLES / 16_000
QUIET, LOUD = 0, 1000


class Ear(VoiceActivityStream):
    """Takes for speech what is loud."""

    window_samples = WINDOW_SAMPLES

    def feed(self, pcm: bytes) -> list[float]:
        return [float(np.frombuffer(pcm, "<i2").max() >= LOUD)]


class Writer:
    """Writes down how long a piece is, in tenths of a second, and remembers what it was given."""

    def __init__(self) -> None:
        self.sounds: list[Sound] = []
        self.stopped = 0
        self.go = threading.Event()
        self.go.set()
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0

    def __call__(self, sound: Sound, stop: Stop) -> Written:
        with self.lock:
            self.sounds.append(sound)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while not self.go.wait(0.001):
                if stop():
                    self.stopped += 1
                    raise Stopped
        finally:
            with self.lock:
                self.at_once -= 1
        return Written(f"{len(sound.pcm) / 32000:.1f}", sound.language or "de")


def pcm(seconds: float, level: int) -> bytes:
    return np.full(round(seconds / WINDOW_S) * WINDOW_SAMPLES, level, "<i2").tobytes()


@pytest.fixture
def writer() -> Writer:
    return Writer()


def opened(writer: Writer, *, find_end: bool = False, **options: object) -> WhisperStream:
    return WhisperStream(writer, Ear(), find_end=find_end, **options)  # type: ignore[arg-type]


def feed(stream: WhisperStream, *sounds: tuple[float, int]) -> Hearing:
    """Feed sound in pieces of a window, up to the end of the turn."""
    hearing = Hearing("")
    for seconds, level in sounds:
        sound = pcm(seconds, level)
        for at in range(0, len(sound), 2 * WINDOW_SAMPLES):
            hearing = stream.feed(sound[at : at + 2 * WINDOW_SAMPLES])
            if hearing.ended:
                return hearing
    return hearing


def until(condition: Callable[[], bool]) -> None:
    for _ in range(5000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it did not come to pass")


def test_it_is_begun_in_the_silence_and_there_at_the_end(writer: Writer) -> None:
    stream = opened(writer)
    feed(stream, (2, QUIET), (2, LOUD), (0.2, QUIET))
    assert not writer.sounds
    feed(stream, (0.2, QUIET))
    until(lambda: len(writer.sounds) == 1)
    feed(stream, (5, QUIET))
    assert stream.finish() == "2.5"  # with 0.3 s before, and 0.25 s after
    assert len(writer.sounds) == 1
    assert writer.sounds[0].spoken == pytest.approx(2, abs=0.1)


def test_the_text_is_the_same_where_it_was_not_begun_early(writer: Writer) -> None:
    early, late = opened(writer), opened(writer)
    feed(early, (2, LOUD), (0.7, QUIET))
    feed(late, (2, LOUD), (0.25, QUIET))
    assert early.finish() == late.finish()


def test_what_was_begun_is_thrown_away_when_the_speaker_goes_on(writer: Writer) -> None:
    writer.go.clear()
    stream = opened(writer)
    feed(stream, (1, LOUD), (0.4, QUIET), (1, LOUD))
    until(lambda: writer.stopped == 1)
    writer.go.set()
    feed(stream, (0.7, QUIET))
    assert float(stream.finish()) == pytest.approx(1 + 0.4 + 1 + 0.25, abs=0.1)


def test_one_at_a_time_is_begun_early(writer: Writer) -> None:
    released = threading.Event()

    def write(sound: Sound, stop: Stop) -> Written:
        """Cannot be broken off."""
        with writer.lock:
            writer.at_once += 1
            writer.most_at_once = max(writer.most_at_once, writer.at_once)
        released.wait(10)
        with writer.lock:
            writer.at_once -= 1
        return writer(sound, stop)

    stream = WhisperStream(write, Ear(), find_end=False)
    feed(stream, *([(0.5, LOUD), (0.4, QUIET)] * 4))
    assert writer.most_at_once == 1
    released.set()
    assert float(stream.finish()) == pytest.approx(4 * 0.9 - 0.15, abs=0.15)


@pytest.mark.parametrize(("understood", "silence"), [(True, 0.5), (False, 0.7)])
def test_after_a_sentence_the_turn_ends_sooner(writer: Writer, understood: bool, silence: float) -> None:
    asked: list[str] = []

    def understands(text: str) -> bool:
        asked.append(text)
        return understood

    stream = opened(writer, find_end=True, understands=understands)
    feed(stream, (1, LOUD))
    quiet = 0.0
    while not feed(stream, (WINDOW_S, QUIET)).ended:
        quiet += WINDOW_S
        if stream._run is not None:
            stream._run.wait()
    assert quiet == pytest.approx(silence, abs=0.1)
    assert asked == [stream.finish()]


def test_a_sentence_after_which_the_speaker_goes_on_ends_nothing(writer: Writer) -> None:
    stream = opened(writer, find_end=True, understands=lambda text: True)
    feed(stream, (1, LOUD), (0.4, QUIET))
    assert stream._run is not None
    stream._run.wait()
    assert not feed(stream, (0.06, QUIET), (1, LOUD), (0.3, QUIET)).ended
    assert float(feed(stream, (3, QUIET)).text) == pytest.approx(1 + 0.46 + 1 + 0.25, abs=0.2)


def test_the_stream_ends_the_turn_itself(writer: Writer) -> None:
    hearing = feed(opened(writer, find_end=True), (1, QUIET), (1, LOUD), (5, QUIET))
    assert hearing == Hearing(hearing.text, ended=True)
    assert float(hearing.text) == pytest.approx(1.55, abs=0.1)
    assert len(writer.sounds) == 1


@pytest.mark.parametrize("sounds", [[], [(10, QUIET)], [(0.06, LOUD), (3, QUIET)], [(0.2, LOUD), (3, QUIET)]])
def test_what_is_no_speech_is_not_even_written_down(writer: Writer, sounds: list[tuple[float, int]]) -> None:
    stream = opened(writer)
    feed(stream, *sounds)
    assert stream.finish() == ""
    assert not writer.sounds or sounds[0] == (0.2, LOUD)  # which may have been begun, and was thrown away


def test_a_long_pause_is_cut_out(writer: Writer) -> None:
    stream = opened(writer)
    feed(stream, (1, LOUD), (60, QUIET), (1, LOUD), (1, QUIET))
    assert float(stream.finish()) == pytest.approx(1 + 0.25 + 1.0 + 1 + 0.25, abs=0.2)


def test_long_speech_is_written_down_in_pieces_cut_at_pauses(writer: Writer) -> None:
    stream = opened(writer)
    feed(stream, *([(16, LOUD), (0.6, QUIET)] * 3), (1, LOUD))
    pieces = stream.finish().split()
    assert len(pieces) == 4
    assert sum(map(float, pieces)) == pytest.approx(3 * 16 + 1, abs=3)


def test_speech_without_a_pause_is_cut_at_its_quietest_place(writer: Writer) -> None:
    stream = opened(writer)
    feed(stream, (25, 2 * LOUD), (0.2, LOUD), (15, 2 * LOUD), (1, QUIET))
    first, second = map(float, stream.finish().split())
    assert first == pytest.approx(25.1, abs=0.2)
    assert second == pytest.approx(15.3, abs=0.3)
    for sound in writer.sounds:
        assert len(sound.pcm) <= 30 * 32_000


def test_the_language_that_was_found_out_is_told_and_kept(writer: Writer) -> None:
    stream = opened(writer)
    assert stream.language() is None
    feed(stream, (16, LOUD), (0.6, QUIET), (1, LOUD), (0.6, QUIET))
    stream.finish()
    assert stream.language() == "de"
    assert [sound.language for sound in writer.sounds] == [None, "de"]


def test_language_and_hints_are_passed_on(writer: Writer) -> None:
    stream = opened(writer, language="fr", hints="lampe")
    feed(stream, (1, LOUD))
    stream.finish()
    assert stream.language() == "fr"
    assert (writer.sounds[0].language, writer.sounds[0].hints) == ("fr", "lampe")


def test_what_is_cancelled_stops_its_work(writer: Writer) -> None:
    writer.go.clear()
    stream = opened(writer, partials=True)
    feed(stream, (2, LOUD))
    until(lambda: writer.at_once == 1)
    feed(stream, (0.5, QUIET))
    until(lambda: writer.stopped == 1 and writer.at_once == 1)
    stream.cancel()
    until(lambda: writer.at_once == 0)
    assert writer.stopped == 2


def test_who_waits_for_the_text_of_what_is_cancelled_gets_none(writer: Writer) -> None:
    writer.go.clear()
    stream = opened(writer)
    feed(stream, (2, LOUD))
    with ThreadPoolExecutor() as threads:
        text = threads.submit(stream.finish)
        until(lambda: writer.at_once == 1)
        stream.cancel()
        assert text.result(10) == ""
    assert not feed(stream, (2, LOUD)).ended


def test_an_error_of_the_engine_is_told_at_the_end() -> None:
    def write(sound: Sound, stop: Stop) -> Written:
        raise EngineError("Whisper failed: no memory")

    stream = WhisperStream(write, Ear(), find_end=False)
    feed(stream, (1, LOUD), (1, QUIET))
    with pytest.raises(EngineError, match="no memory"):
        stream.finish()


def test_after_the_end_nothing_is_heard(writer: Writer) -> None:
    stream = opened(writer)
    feed(stream, (1, LOUD))
    text = stream.finish()
    assert feed(stream, (3, LOUD)) == Hearing(text)
    assert stream.finish() == text


def test_partials_tell_what_is_certain_one_run_at_a_time() -> None:
    texts = iter(["Turn", "Turn on the", "Turn on the lights", "Turn on the lights in the hall"])
    writer = Writer()

    def write(sound: Sound, stop: Stop) -> Written:
        writer(sound, stop)
        return Written(next(texts, "Turn on the lights in the hall"), "en")

    stream = WhisperStream(write, Ear(), find_end=False, partials=True)
    told: list[str] = []
    while not told or told[-1] != "Turn on the":
        certain = feed(stream, (0.1, LOUD)).certain
        if not told or told[-1] != certain:
            told.append(certain)
        time.sleep(0.001)
        assert len(told) < 5
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(told))
    assert writer.most_at_once == 1


def test_a_partial_run_is_stopped_when_the_text_is_begun(writer: Writer) -> None:
    writer.go.clear()
    stream = opened(writer, partials=True)
    feed(stream, (2, LOUD))
    until(lambda: len(writer.sounds) == 1)
    feed(stream, (0.4, QUIET))
    until(lambda: writer.stopped == 1)
    writer.go.set()
    assert float(stream.finish()) == pytest.approx(2.25, abs=0.1)


def test_without_partials_nothing_is_written_while_somebody_speaks(writer: Writer) -> None:
    feed(opened(writer), (10, LOUD))
    assert not writer.sounds
