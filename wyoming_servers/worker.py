"""The inside of a worker process: builds an engine, then answers calls on its streams until the socket closes.

Started by `workers.Processes` with the number of an inherited socket. Messages both ways are pickles behind four bytes
of length; they come from and go to our own parent alone.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, BinaryIO

from models.engine import EngineError

_LOGGER = logging.getLogger(__name__)

_TRIM_S = 2.0
"""How often memory that is free is given back to the system: while there is work, and once after it.

glibc keeps what was freed, so that a burst of work would be paid for ever. (To have it give every large block back at
once, by its M_MMAP_THRESHOLD, makes Whisper's encoder take twice as long: the pages of each are made anew.)"""


def main() -> None:
    """Serve until the parent goes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:%(name)s:%(message)s")
    # A Ctrl-C goes to the whole process group, and systemd sends SIGTERM to all of a service: the parent decides what
    # it means, and its end closes our socket.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as parent, parent.makefile("rb") as incoming:
        worked = threading.Event()
        threading.Thread(target=_give_memory_back, args=(worked,), daemon=True).start()
        answers = _Answers(parent)
        with suppress(ConnectionError):  # the parent has gone, perhaps in the middle of a message
            while (message := _receive(incoming)) is not None:
                worked.set()
                answers.take(*pickle.loads(message))  # noqa: S301 - from our own parent
    os._exit(0)  # whatever threads still compute, nobody wants it


def _give_memory_back(worked: threading.Event) -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:  # another C library has none
        worked.wait()
        time.sleep(_TRIM_S)
        worked.clear()
        trim(0)


def _receive(incoming: BinaryIO) -> bytes | None:
    length = incoming.read(4)
    size = int.from_bytes(length, "little")
    message = incoming.read(size)
    return message if len(length) == 4 and len(message) == size else None


class _Answers:
    """Does what is asked, in this thread, or in one for each stream where the engine is `concurrent`."""

    def __init__(self, parent: socket.socket) -> None:
        self._parent = parent
        self._sending = threading.Lock()
        self._engine: Any = None
        self._streams: dict[int, Any] = {}
        self._threads: dict[int, ThreadPoolExecutor] = {}

    def take(self, call: int, number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Answer a call; a stream's calls come one after the other.

        What is closed while a call of it runs is told at once, where it has a `cancel`: from here, beside the call.
        Once it is closed, its `leave`, where it has one, can do what nobody waits for.
        """
        if not getattr(self._engine, "concurrent", False):
            self._answer(call, number, method, args, kwargs)
            return
        if number not in self._threads:
            self._threads[number] = ThreadPoolExecutor(1)
        if method == "close" and (cancel := getattr(self._streams.get(number), "cancel", None)) is not None:
            cancel()
        self._threads[number].submit(self._answer, call, number, method, args, kwargs)
        if method == "close":
            self._threads.pop(number).shutdown(wait=False)

    def _answer(self, call: int, number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        pickled = pickle.dumps((call, *self._outcome(number, method, args, kwargs)))
        with self._sending, suppress(ConnectionError):  # `main` sees the end too
            self._parent.sendall(len(pickled).to_bytes(4, "little") + pickled)

    def _outcome(self, number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
        """Return (False, result) or (True, what was raised)."""
        try:
            return False, self._do(number, method, args, kwargs)
        except EngineError as error:
            return True, type(error)(str(error))
        except Exception as error:
            _LOGGER.exception("unexpected error in %s", method)
            if number == 0:
                return True, EngineError(f"{method} failed: {type(error).__name__}: {error}")
            return True, RuntimeError(f"{type(error).__name__} in {method}; the server's log says more")

    def _do(self, number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if number == 0 and method == "learn":
            self._engine.learn(**kwargs)
            return None
        if number == 0:
            module, _, name = method.partition(":")
            factory: Callable[..., Any] = getattr(importlib.import_module(module), name)
            self._engine = factory(**kwargs)
            # What the engine's interface declares of itself: name, version, languages, ...
            declared = {key for base in type(self._engine).__mro__ for key in vars(base).get("__annotations__", ())}
            return {key: getattr(self._engine, key) for key in declared if not key.startswith("_")}
        if method == "open":
            self._streams[number] = self._engine.open(**kwargs)
            return None
        if method == "close":
            stream = self._streams.pop(number, None)
            if (leave := getattr(stream, "leave", None)) is not None:
                leave()
            return None
        return getattr(self._streams[number], method)(*args)


if __name__ == "__main__":
    main()
