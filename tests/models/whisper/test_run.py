import gc
import threading
import weakref

import pytest

from models.whisper.run import Run, Stop, Stopped


def test_what_was_begun_is_there_when_it_is_asked_for() -> None:
    run = Run(lambda stop: "text")
    assert run.wait() == "text"
    assert run.wait() == "text"
    assert run.is_over


def test_work_that_is_stopped_ends_at_its_next_pause() -> None:
    begun = threading.Event()

    def work(stop: Stop) -> str:
        begun.set()
        while not stop():
            pass
        raise Stopped

    run = Run(work)
    begun.wait()
    assert not run.is_over
    run.stop()
    with pytest.raises(Stopped):
        run.wait()
    assert run.is_over


def test_an_error_is_raised_where_the_result_is_waited_for() -> None:
    def work(stop: Stop) -> str:
        raise KeyError("x")

    run = Run(work)
    with pytest.raises(KeyError):
        run.wait()


class Owner:
    """Refers to a run whose work refers to it."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.run = Run(self.work)

    def work(self, stop: Stop) -> str:
        self.began.set()
        while not stop():
            pass
        raise Stopped


def test_what_was_stopped_is_held_by_nobody() -> None:
    """Else the sound of streams that were broken off stays until the collector of garbage comes by."""
    gc.collect()
    gc.disable()
    try:
        owner = Owner()
        owner.began.wait()
        owner.run.stop()
        with pytest.raises(Stopped):
            owner.run.wait()
        gone = weakref.ref(owner)
        del owner
        assert gone() is None
    finally:
        gc.enable()
