"""Engines for the tests of workers, built in the worker processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from models.engine import BadInput, EngineError, EngineUnavailable


class Engine:
    name: str
    version: str
    _hidden: object

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = "1"
        self._hidden = self.undeclared = object()

    def open(self, **arguments: Any) -> Stream:
        if arguments.get("bad"):
            raise BadInput("a bad argument")
        return Stream(self)

    def learn(self, *, name: str) -> None:
        if not name:
            raise EngineError("no name")
        self.name = name


class Stream:
    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine
        self.heard = 0
        self.leaves: Path | None = None

    def leave_at(self, path: Path) -> None:
        self.leaves = path

    def leave(self) -> None:
        if self.leaves is not None:
            self.leaves.touch()

    def name(self) -> str:
        assert self.engine is not None
        return self.engine.name

    def pid(self) -> int:
        return os.getpid()

    def feed(self, data: bytes) -> int:
        self.heard += len(data)
        return self.heard

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    def bad(self) -> None:
        raise BadInput("bad input")

    def bug(self) -> None:
        raise ZeroDivisionError

    def die(self) -> None:
        os._exit(1)


def make(name: str = "test") -> Engine:
    return Engine(name)


def unavailable() -> Engine:
    raise EngineUnavailable("pip install 'something'")


def broken() -> Engine:
    raise KeyError("secret")


def dying() -> Engine:
    os._exit(3)


def crashing(model: str) -> Engine:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError(model)


def slow() -> Engine:
    time.sleep(1000)
    raise AssertionError


def once(flag: str) -> Engine:
    """Can be built a first time only."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise EngineUnavailable("not twice") from None
    return Engine("once")


class Parallel(Engine):
    """Its streams are called in threads."""

    concurrent = True

    def __init__(self) -> None:
        super().__init__("parallel")
        self._waited: list[bool] = []

    def open(self, **_: Any) -> Stream:
        return Patient(self._waited)


class Pupil(Engine):
    """Its streams are called in threads, and it learns beside them."""

    concurrent = True


def pupil(name: str) -> Engine:
    return Pupil(name)


def leisurely(name: str) -> Engine:
    time.sleep(0.5)
    return Engine(name)


class Patient(Stream):
    """Waits until it is cancelled."""

    def __init__(self, waited: list[bool]) -> None:
        super().__init__()
        self._waited = waited
        self._cancelled = threading.Event()

    def wait(self) -> None:
        self._waited.append(self._cancelled.wait(60))

    def waited(self) -> list[bool]:
        return self._waited

    def cancel(self) -> None:
        self._cancelled.set()


def of_model(model: str, note: str = "") -> Engine:
    return Engine(f"{note} {model}")


def while_there(flag: str) -> Engine:
    """Return an engine as long as there is a file."""
    if not os.path.exists(flag):  # noqa: PTH110 - as short as can be
        raise EngineUnavailable(f"there is no {flag}")
    return Engine("there")
