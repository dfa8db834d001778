"""Tiny ONNX models, written without the `onnx` package: Protocol Buffers by hand (onnx.proto of onnx/onnx).

Each tells how much there is of each colour in a picture, in the order in which it takes them.
"""

from __future__ import annotations

from pathlib import Path

FLOAT, UINT8, INT64, STRING = 1, 2, 7, 8
FLOAT16 = 10

Size = int | str
"""Of one axis; a name where any will do."""


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _node(kind: str, given: str, made: str, **attributes: int | list[int]) -> bytes:
    encoded = _bytes(1, given) + _bytes(2, made) + _bytes(4, kind)
    for name, value in attributes.items():
        if isinstance(value, int):
            attribute = _bytes(1, name) + _number(3, value) + _number(20, 2)
        else:
            attribute = _bytes(1, name) + b"".join(_number(8, one) for one in value) + _number(20, 7)
        encoded += _bytes(5, attribute)
    return _bytes(1, encoded)


def _value(name: str, kind: int, shape: list[Size]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def write(path: Path, shape: list[Size], *, kind: int = FLOAT, softmax: bool = False, flat: bool = True) -> Path:
    """Write a model that takes a picture of `shape`, its colours on the axis of size 3, and return `path`.

    It gives the mean of each colour, as it got them, or their softmax; the picture itself where it is not to be `flat`.
    """
    nodes = _node("Cast", "picture", "numbers", to=FLOAT)
    if flat:
        axes = [2, 3] if shape[1] == 3 else [1, 2]
        nodes += _node("ReduceMean", "numbers", "means", axes=axes, keepdims=0)
    else:
        nodes += _node("Identity", "numbers", "means")
    nodes += _node("Softmax", "means", "told", axis=1) if softmax else _node("Identity", "means", "told")
    made = _value("told", FLOAT, [shape[0], 3] if flat else shape)
    graph = nodes + _bytes(2, "tiny") + _bytes(11, _value("picture", kind, shape)) + _bytes(12, made)
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13)))
    return path
