"""Classifiers and detectors in onnxruntime: models that name what fills a picture, or find where things are.

Any ONNX file whose one input is a picture, and whose one output is a score for each kind or YOLOX's boxes; its labels
lie beside it, one a line. `onnx_recipe` says how pictures are made ready for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from models import yolox
from models.engine import Box, Classifier, EngineError, EngineUnavailable, Label
from models.looking import Looker
from models.onnx_recipe import Recipe, Sidecar, input_recipe, read_sidecar, with_custom

BATCH = 4
"""Pictures that cross to this process at once; the first one's answer waits for the last."""

_TOGETHER = 2
"""Pictures in one call of onnxruntime, where the model takes any number. MobileNetV2 on an AMD EPYC at 2.6 GHz, ms for
a picture: 9.9 alone, 9.7 by twos, 10.6 by fours, 10.8 by eights, when what one layer hands to the next no longer fits
the core's cache; with two threads 6.9, 5.6, 5.6 and 5.7. And 20 MB of memory, not 80."""

_LEAST_SCORE = 0.01
"""Of a kind that is told at all: there are a thousand, and each that crosses to the server costs something."""

_NEAR_ONE = 0.05
"""Eight-bit probabilities add up to about one."""

_MOST_LABELS_BYTES = 4 << 20

Input = npt.NDArray[Any]


class OnnxClassifier(Classifier):
    """The engine, for the model in file `model`, with `threads` threads to compute in.

    Raises `EngineUnavailable` where onnxruntime or OpenCV is missing, `EngineError` for a file that is no model of this
    kind or has no labels that fit.
    """

    def __init__(self, model: Path, labels: Path | None = None, *, threads: int = 1) -> None:
        path = _file(model)
        sidecar = read_sidecar(path)
        self._session = _session(path, threads)
        self._running = Lock()  # no more threads compute than were asked for, and who came first is done first
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1:
            raise EngineError(f"{path.name} takes {len(inputs)} inputs; a classifier takes one, the picture")
        self._recipe = input_recipe(inputs[0].shape, inputs[0].type, sidecar, path.name)
        self._input, self._output = inputs[0].name, outputs[0].name
        self.batch = self._recipe.batch or BATCH
        self._kinds, self._recipe, self._finish = self._custom(path, sidecar)
        self.name, self.version = path.stem, _version()
        self.description = "Where things are, with boxes" if self._finish == self._boxes else "What fills a picture"
        self.labels = _labels(path, labels, sidecar, self._kinds)
        self.enough = self._recipe.enough

    def prepare(self, picture: npt.NDArray[np.uint8]) -> tuple[Input, tuple[int, int]]:
        """Return the picture as the model takes it, and its width and height."""
        return self._recipe.prepare(picture), (picture.shape[1], picture.shape[0])

    def see(self, prepared: Sequence[tuple[Input, tuple[int, int]]]) -> list[list[Label]]:
        """Return what each picture shows, best first."""
        found: list[list[Label]] = []
        together = self._recipe.batch or _TOGETHER
        with self._running:
            for start in range(0, len(prepared), together):
                some = prepared[start : start + together]
                outputs = self._run([values for values, _ in some])
                found += [self._finish(output, size) for output, (_, size) in zip(outputs, some, strict=True)]
        return found

    def _run(self, values: list[Input]) -> Any:
        # A model of a fixed batch gets one of that size; what is made of the last picture, repeated, is left out.
        missing = max(0, (self._recipe.batch or 0) - len(values))
        batch = np.stack(values + values[-1:] * missing)
        return self._session.run([self._output], {self._input: batch})[0][: len(values)]

    def _custom(self, path: Path, sidecar: Sidecar) -> tuple[int, Recipe, Any]:
        """Look at what the model makes of noise; return how many kinds it knows, its recipe, and how to read it."""
        size = (self._recipe.width, self._recipe.height)
        noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
        output = np.asarray(self._run([self._recipe.prepare(noise)]), np.float32)
        kinds = yolox.kinds(list(output.shape), *size)
        if kinds is not None:
            self._decoded = yolox.is_decoded(output)
            return kinds, with_custom(self._recipe, sidecar, "boxes"), self._boxes
        if output[0].size < 2 or output[0].size != max(output.shape[1:]):
            shape = " x ".join(map(str, output.shape))
            raise EngineError(
                f"{path.name} gives {shape} numbers; known are a score for each kind (1 x kinds), and YOLOX's boxes"
                f" ({len(yolox._cells(*size)[0])} x 5 + kinds, for pictures of this size)"
            )
        likely = bool(output.min() >= 0 and abs(output.sum() - 1) < _NEAR_ONE)
        recipe = with_custom(self._recipe, sidecar, "probabilities" if likely else "logits")
        return output[0].size, recipe, self._probabilities if likely else self._logits

    def _logits(self, output: Input, size: tuple[int, int]) -> list[Label]:
        powers = np.exp(output.astype(np.float32) - output.max())
        return self._probabilities(powers / powers.sum(), size)

    def _probabilities(self, output: Input, _: tuple[int, int]) -> list[Label]:
        scores = output.ravel()
        return [
            Label(self.labels[index], index, min(1.0, float(scores[index])))
            for index in np.argsort(-scores, kind="stable").tolist()
            if scores[index] >= _LEAST_SCORE
        ]

    def _boxes(self, output: Input, size: tuple[int, int]) -> list[Label]:
        recipe = self._recipe
        wide, high = recipe.filled(*size) if recipe.fit == "letterbox" else (recipe.width, recipe.height)
        labels = []
        for kind, score, corners in yolox.boxes(output, recipe.width, recipe.height, decoded=self._decoded):
            left, top, right, bottom = np.clip(np.array(corners) / (wide, high, wide, high), 0, 1).tolist()
            labels.append(Label(self.labels[kind], kind, score, Box(left, top, right - left, bottom - top)))
        return labels


def open_classifier(model: str, labels: str | None = None, threads: int = 1) -> Looker:
    """Load the engine, for a worker process to be told by name."""
    return Looker(OnnxClassifier(Path(model), Path(labels) if labels else None, threads=threads))


def _file(model: Path) -> Path:
    """Return the ONNX file: `model`, or the only one in that folder."""
    found = sorted(model.glob("*.onnx")) if model.is_dir() else [model]
    if len(found) != 1:
        raise EngineError(f"{model} holds {len(found)} .onnx files; name one of them")
    if not found[0].is_file():
        raise EngineError(f"there is no {model}")
    return found[0]


def _session(path: Path, threads: int) -> Any:
    try:
        import cv2
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailable(
            f"classifiers need onnxruntime and OpenCV ({error}): pip install 'wyoming-hearth[onnx]'"
        ) from error
    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the next pictures are being decoded
    options.enable_mem_pattern = False  # which keeps memory for each number of pictures
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, of many kinds, none of which it exports
        raise EngineError(f"{path} is no ONNX model that onnxruntime takes: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _version() -> str:
    from importlib import metadata

    return metadata.version("onnxruntime")


def _labels(model: Path, given: Path | None, sidecar: Sidecar, kinds: int) -> list[str]:
    """Return the names of the model's kinds; raise `EngineError` where there are none, or another number of them."""
    path = given or (model.parent / sidecar.labels if sidecar.labels else _beside(model))
    if path is None:
        raise EngineError(f"{model.name} tells {kinds} kinds apart, but not their names: put labels.txt beside it")
    try:
        if path.stat().st_size > _MOST_LABELS_BYTES:
            raise EngineError(f"{path} is no list of labels: it is too long")
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeError) as error:
        raise EngineError(f"the labels in {path} cannot be read: {error}") from error
    while names and not names[-1]:
        names.pop()
    # Lists of COCO's 90 numbers say "n/a" for the ten that were never used: models count the others through. And
    # TensorFlow's models know one kind more, that it is none of them, and count it first.
    for some in (names, [name for name in names if name != "n/a"], ["background", *names]):
        if len(some) == kinds:
            return some
    raise EngineError(f"{model.name} tells {kinds} kinds apart, but {path} has {len(names)} labels")


def _beside(model: Path) -> Path | None:
    for name in (f"{model.stem}.txt", "labels.txt"):
        if (path := model.with_name(name)).is_file():
            return path
    found = sorted(model.parent.glob("*labels*.txt"))
    return found[0] if len(found) == 1 else None
