"""Make an ONNX file with Kokoro v1.0's inputs, outputs, layers and cost, and random weights.

`.standins/venv/bin/python bench/kokoro_standin.py OUT [--passes 3]`, needs `onnx` and numpy. What it says is a noise
with the rhythm of speech: every phoneme lasts about as long as people take for it, marks and spaces are quiet.

The layers are those of kokoro_onnx's config.json (PL-BERT, then StyleTTS 2's iSTFTNet decoder): twelve ALBERT layers
that share their weights, residual blocks at 40 frames a second, and a generator that makes 24,000 samples of them. The
predictors of durations and pitch are left out: durations are a table here. These layers alone take 0.35 of real time on
one thread of an idle Sapphire Rapids server, where the real file was measured at about 1.0, so the generator's blocks
are gone through three times (`--passes`); 1 makes a faster engine.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TOKENS, STYLE = 178, 256
WIDTH, HEADS, HIDDEN, LAYERS = 768, 12, 2048, 12
FRAME = 600
"""Samples of a frame: 40 a second at 24 kHz."""

CHANNELS = 512
KERNELS, DILATIONS, RATES = (3, 7, 11), (1, 3, 5), ((20, 10), (12, 6))
FFT, HOP = 20, 5

SILENT_FRAMES = 8
"""Of the padding token on both sides: 0.2 s."""

PEAK = 0.3

# Places in Kokoro's vocabulary (kokoro_onnx's config.json): how long each lasts in frames, and how loud it is.
_VOWELS = (
    24,
    25,
    31,
    33,
    35,
    36,
    39,
    41,
    42,
    43,
    47,
    51,
    57,
    63,
    69,
    70,
    71,
    72,
    76,
    83,
    85,
    86,
    87,
    101,
    102,
    135,
    138,
)
_KINDS = (
    (range(TOKENS), 2.5, PEAK),
    (_VOWELS, 4.0, PEAK),
    ((1, 2, 3, 4, 5, 6, 9, 10), 8.0, 0.0),  # ; : , . ! ? — …
    ((156, 157, 158), 1.0, PEAK),  # signs of stress and length
    ((16,), 1.5, 0.02),  # a space
    ((0,), SILENT_FRAMES, 0.0),
)


class Graph:
    """Nodes and weights as they are added; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(0)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node."""
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """Add given numbers."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def random(self, *shape: int) -> str:
        """Add random weights that keep the size of what they are multiplied with."""
        inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        return self.constant(self._random.standard_normal(shape, np.float32) / np.sqrt(inputs))

    def conv(self, x: str, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> str:
        """Add a convolution that keeps the length."""
        padding = dilation * (kernel - 1) // 2
        weights = self.random(outputs, inputs, kernel)
        return self.op("Conv", x, weights, dilations=[dilation], pads=[padding, padding], kernel_shape=[kernel])

    def adapt(self, x: str, style: str, channels: int) -> str:
        """Add an instance normalisation whose scale and shift come from the style."""
        x = self.op("InstanceNormalization", x, self.constant(np.ones(channels)), self.constant(np.zeros(channels)))
        both = self.op("MatMul", style, self.random(STYLE, 2 * channels))
        both = self.op("Unsqueeze", both, self.constant([2], np.int64))
        names = [f"{both}_scale", f"{both}_shift"]
        self.nodes.append(helper.make_node("Split", [both], names, axis=1, num_outputs=2))
        scale = self.op("Add", names[0], self.constant(1.0))
        return self.op("Add", self.op("Mul", x, scale), names[1])

    def snake(self, x: str, channels: int) -> str:
        """Add the activation x + sin²(ax) / a."""
        a = self.constant(np.ones((1, channels, 1)))
        sine = self.op("Sin", self.op("Mul", x, a))
        return self.op("Add", x, self.op("Div", self.op("Pow", sine, self.constant(2.0)), a))


def model(passes: int) -> onnx.ModelProto:
    """Return the model: tokens [1, n], style [1, 256] and speed [1] to audio [samples]."""
    graph = Graph()
    frames, of_token, loudness = _alignment(graph)
    text = _bert(graph)
    text = graph.op("MatMul", text, graph.random(WIDTH, CHANNELS))
    text = graph.op("Gather", text, of_token, axis=1)
    x = _decode(graph, graph.op("Transpose", text, perm=[0, 2, 1]))
    audio = graph.op("Reshape", _generate(graph, x, passes), graph.constant([-1], np.int64))
    loud = graph.op("Unsqueeze", graph.op("Gather", loudness, of_token, axis=0), graph.constant([1], np.int64))
    shape = graph.op(
        "Concat",
        graph.op("Unsqueeze", frames, graph.constant([0], np.int64)),
        graph.constant([FRAME], np.int64),
        axis=0,
    )
    envelope = graph.op("Reshape", graph.op("Expand", loud, shape), graph.constant([-1], np.int64))
    graph.nodes.append(helper.make_node("Mul", [audio, envelope], ["audio"]))
    made = helper.make_graph(
        graph.nodes,
        "kokoro stand-in",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "sequence_length"]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE]),
            helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["num_samples"])],
        graph.weights,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _alignment(graph: Graph) -> tuple[str, str, str]:
    """How many frames there are, the place of the token of each, and the loudness of each token."""
    lasting, loudness = np.zeros(TOKENS), np.zeros(TOKENS)
    for tokens, lasts, loud in _KINDS:
        lasting[list(tokens)], loudness[list(tokens)] = lasts, loud
    token = graph.op("Squeeze", "tokens", graph.constant([0], np.int64))
    lasted = graph.op("Div", graph.op("Gather", graph.constant(lasting), token), "speed")
    lasted = graph.op("Max", graph.op("Round", lasted), graph.constant(1.0))
    ends = graph.op("CumSum", lasted, graph.constant(0, np.int64))
    frames = graph.op("Cast", graph.op("ReduceMax", ends, keepdims=0), to=TensorProto.INT64)
    each = graph.op("Range", graph.constant(0, np.int64), frames, graph.constant(1, np.int64))
    ends = graph.op("Unsqueeze", graph.op("Cast", ends, to=TensorProto.INT64), graph.constant([1], np.int64))
    passed = graph.op("Cast", graph.op("LessOrEqual", ends, each), to=TensorProto.INT64)
    of_token = graph.op("ReduceSum", passed, graph.constant([0], np.int64), keepdims=0)
    return frames, of_token, graph.op("Gather", graph.constant(loudness), token)


def _bert(graph: Graph) -> str:
    x = graph.op("Gather", graph.random(TOKENS, WIDTH), "tokens")
    ones, zeros = graph.constant(np.ones(WIDTH)), graph.constant(np.zeros(WIDTH))
    query, key, value, out = (graph.random(WIDTH, WIDTH) for _ in range(4))
    rise, fall = graph.random(WIDTH, HIDDEN), graph.random(HIDDEN, WIDTH)
    split = graph.constant([1, -1, HEADS, WIDTH // HEADS], np.int64)
    join = graph.constant([1, -1, WIDTH], np.int64)
    root = graph.constant(np.sqrt(WIDTH // HEADS))

    def heads(weights: str, order: list[int]) -> str:
        return graph.op("Transpose", graph.op("Reshape", graph.op("MatMul", x, weights), split), perm=order)

    for _ in range(LAYERS):
        scores = graph.op("MatMul", heads(query, [0, 2, 1, 3]), heads(key, [0, 2, 3, 1]))
        seen = graph.op("MatMul", graph.op("Softmax", graph.op("Div", scores, root)), heads(value, [0, 2, 1, 3]))
        seen = graph.op("Reshape", graph.op("Transpose", seen, perm=[0, 2, 1, 3]), join)
        x = graph.op("LayerNormalization", graph.op("Add", x, graph.op("MatMul", seen, out)), ones, zeros)
        risen = graph.op("Tanh", graph.op("MatMul", x, rise))
        x = graph.op("LayerNormalization", graph.op("Add", x, graph.op("MatMul", risen, fall)), ones, zeros)
    return x


def _decode(graph: Graph, x: str) -> str:
    """Residual blocks at 40 frames a second, twice as wide, then twice the frames."""
    wide = 2 * CHANNELS
    x = graph.conv(x, CHANNELS, wide, 3)
    for _ in range(4):
        for _ in range(2):
            y = graph.op("LeakyRelu", graph.adapt(x, "style", wide), alpha=0.2)
            y = graph.conv(y, wide, wide, 3)
        x = graph.op("Add", x, y)
    return _stretch(graph, x, (wide, CHANNELS), 4, 2)


def _stretch(graph: Graph, x: str, channels: tuple[int, int], kernel: int, rate: int) -> str:
    """Make `rate` times as many frames."""
    padding = (kernel - rate) // 2
    weights = graph.random(*channels, kernel)
    return graph.op("ConvTranspose", x, weights, strides=[rate], pads=[padding, padding], kernel_shape=[kernel])


def _generate(graph: Graph, x: str, passes: int) -> str:
    channels = CHANNELS
    for kernel, rate in RATES:
        x = graph.op("LeakyRelu", x, alpha=0.1)
        x = _stretch(graph, x, (channels, channels // 2), kernel, rate)
        channels //= 2
        # One more block stands for the one that the real model has for its source of harmonics.
        for _ in range(passes):
            blocks = [_block(graph, x, channels, size) for size in (*KERNELS, 9)]
            for block in blocks:
                x = graph.op("Add", x, block)
    x = graph.adapt(x, "style", channels)
    x = graph.conv(x, channels, FFT + 2, 7)
    # Below 1 and evenly loud: what comes out of random weights has no size of its own.
    sound = _stretch(graph, x, (FFT + 2, 1), FFT + 1, HOP)
    sound = graph.op("InstanceNormalization", sound, graph.constant([1.0]), graph.constant([0.0]))
    return graph.op("Tanh", sound)


def _block(graph: Graph, x: str, channels: int, kernel: int) -> str:
    for dilation in DILATIONS:
        y = graph.snake(graph.adapt(x, "style", channels), channels)
        y = graph.conv(y, channels, channels, kernel, dilation)
        y = graph.snake(graph.adapt(y, "style", channels), channels)
        x = graph.op("Add", x, graph.conv(y, channels, channels, kernel))
    return x


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--passes", type=int, default=3, help="how much work it is (%(default)s)")
    args = parser.parse_args()
    onnx.save(model(args.passes), args.out)


if __name__ == "__main__":
    main()
