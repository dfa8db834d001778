"""How a picture becomes the input of an ONNX model: size, order of axes and of colours, range of values.

The file says the size, the order of axes and the type of numbers. The rest is custom:

======================== ====== ========= ============================================ ===============================
model                    colour fit       range of values                              from
======================== ====== ========= ============================================ ===============================
gives logits             rgb    crop      ImageNet's mean 0 and deviation 1            torchvision
gives probabilities      rgb    crop      -1 to 1                                      TensorFlow's MobileNets, also
                                                                                       EfficientNet-Lite
gives YOLOX's boxes      bgr    letterbox 0 to 255                                     YOLOX's demo, from 0.1.1
takes 8-bit numbers      as above         0 to 255
======================== ====== ========= ============================================ ===============================

crop: the middle square of 224/256 of the shorter side. letterbox: the whole picture in the left upper corner, gray
(114) below or beside it. stretch: the whole picture, whatever becomes of its sides.

A model of another custom brings `NAME.toml` beside its `NAME.onnx`, with any of::

    size = [224, 224]                  # width and height, where the model takes any
    colours = "rgb"                    # or "bgr"
    fit = "crop"                       # or "letterbox", "stretch"
    mean = [123.675, 116.28, 103.53]   # of the colours in their order; (value - mean) / deviation
    deviation = [58.395, 57.12, 57.375]
    labels = "names.txt"               # beside it, one a line
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.engine import EngineError

Triple = tuple[float, float, float]

_IMAGENET_MEAN: Triple = (123.675, 116.28, 103.53)
_IMAGENET_DEVIATION: Triple = (58.395, 57.12, 57.375)
_HALF: Triple = (127.5, 127.5, 127.5)
_RAW: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

_CROP = 224 / 256
_GRAY = 114

_NUMBERS: dict[str, type[np.generic[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_CHOICES = {"colours": ("rgb", "bgr"), "fit": ("crop", "letterbox", "stretch")}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What the user says of a model; None where the custom holds."""

    size: tuple[int, int] | None = None
    colours: str | None = None
    fit: str | None = None
    mean: Triple | None = None
    deviation: Triple | None = None
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """From a picture to an input."""

    width: int
    height: int
    channels_first: bool
    """Channels x height x width; else height x width x channels."""

    numbers: type[np.generic[Any]]
    batch: int | None
    """Pictures in one call; None where the model takes any number."""

    colours: str = "rgb"
    fit: str = "crop"
    mean: Triple = _RAW[0]
    deviation: Triple = _RAW[1]

    @property
    def enough(self) -> int:
        """Pixels of a picture's longer side that keep all that is seen; a crop sees less than the shorter side."""
        return max(self.width, self.height) * (2 if self.fit == "crop" else 1)

    def prepare(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """Return the input for a picture (height x width x 3, blue, green, red)."""
        import cv2

        fitted = self._fitted(cv2, picture)
        if self.colours == "rgb":
            fitted = cv2.cvtColor(fitted, cv2.COLOR_BGR2RGB)
        values: npt.NDArray[Any] = np.asarray(fitted)
        if (self.mean, self.deviation) != _RAW:
            values = np.asarray(cv2.LUT(fitted, _scaled(self.mean, self.deviation)))
        if self.channels_first:
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values, dtype=self.numbers)

    def _fitted(self, cv2: Any, picture: npt.NDArray[np.uint8]) -> Any:
        height, width = picture.shape[:2]
        across, down = self.width, self.height
        if self.fit == "crop":
            scale = _CROP * min(width / across, height / down)
            wide, high = max(1, round(scale * across)), max(1, round(scale * down))
            left, top = (width - wide) // 2, (height - high) // 2
            picture = picture[top : top + high, left : left + wide]
        elif self.fit == "letterbox":
            across, down = self.filled(width, height)
        less = across * down < picture.shape[0] * picture.shape[1]
        small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA if less else cv2.INTER_LINEAR)
        if (across, down) == (self.width, self.height):
            return small
        boxed = np.full((self.height, self.width, 3), _GRAY, np.uint8)
        boxed[:down, :across] = small
        return boxed

    def filled(self, width: int, height: int) -> tuple[int, int]:
        """Return how many pixels of a letterbox a picture fills, across and down."""
        scale = min(self.width / width, self.height / height)
        return max(1, min(self.width, round(width * scale))), max(1, min(self.height, round(height * scale)))


@lru_cache(8)
def _scaled(mean: Triple, deviation: Triple) -> npt.NDArray[np.float32]:
    """Return what each of the 256 values becomes in each colour: to look it up takes a third of working it out."""
    values = np.arange(256, dtype=np.float32).reshape(256, 1, 1)
    return np.asarray((values - np.array(mean, np.float32)) / np.array(deviation, np.float32), np.float32)


def read_sidecar(model: Path) -> Sidecar:
    """Return what `NAME.toml` beside `model` says, if there is one; raise `EngineError` where it makes no sense."""
    path = model.with_suffix(".toml")
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Sidecar()
    except (OSError, ValueError) as error:
        raise EngineError(f"{path}: {error}") from error
    known = {field.name for field in fields(Sidecar)}
    for name, value in said.items():
        if name not in known:
            raise EngineError(f"{path}: there is no '{name}'; it takes {', '.join(sorted(known))}")
        if (wrong := _wrong(name, value)) is not None:
            raise EngineError(f"{path}: '{name}' takes {wrong}, not {value!r:.60}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return Sidecar(**values)


def _wrong(name: str, value: object) -> str | None:
    """Return what `name` takes where `value` is not that."""
    if name in _CHOICES:
        return None if value in _CHOICES[name] else f"one of {', '.join(_CHOICES[name])}"
    if name == "labels":
        return None if isinstance(value, str) and value == Path(value).name else "the name of a file beside it"
    numbers = value if isinstance(value, list) else []
    if name == "size":
        good = len(numbers) == 2 and all(type(number) is int and 1 <= number <= 4096 for number in numbers)
        return None if good else "[width, height] in pixels, 1 to 4096"
    good = len(numbers) == 3 and all(type(number) in (int, float) for number in numbers)
    if name == "deviation":
        return None if good and all(numbers) else "three numbers that are not 0"
    return None if good else "three numbers"


def input_recipe(shape: list[Any], kind: str, sidecar: Sidecar, name: str) -> Recipe:
    """Return how a picture gets the shape and type of a model's input; its values are left as they are.

    Raises `EngineError`, naming the model, for an input that is no picture.
    """
    what = f"{name} takes {kind} of {' x '.join(map(str, shape))}"
    if kind not in _NUMBERS:
        raise EngineError(f"{what}; pictures are {', '.join(_NUMBERS)}")
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise EngineError(f"{what}; a picture is 1 x 3 x height x width, or 1 x height x width x 3")
    channels_first = shape[1] == 3
    height, width = (shape[2], shape[3]) if channels_first else (shape[1], shape[2])
    if isinstance(width, int) and isinstance(height, int):
        if sidecar.size not in (None, (width, height)):
            raise EngineError(f"{what}; 'size' in its .toml says otherwise")
    elif sidecar.size is None:
        raise EngineError(f"{what}, which is any size; write one into its .toml: size = [224, 224]")
    else:
        width, height = sidecar.size
    batch = shape[0] if isinstance(shape[0], int) else None
    return Recipe(width, height, channels_first, _NUMBERS[kind], batch)


def with_custom(recipe: Recipe, sidecar: Sidecar, output: str) -> Recipe:
    """Return `recipe` with the custom of models that give `output` (logits, probabilities or boxes), or the user's."""
    mean, deviation = {
        "logits": (_IMAGENET_MEAN, _IMAGENET_DEVIATION),
        "probabilities": (_HALF, _HALF),
        "boxes": _RAW,
    }[output if recipe.numbers is not np.uint8 else "boxes"]
    boxes = output == "boxes"
    return replace(
        recipe,
        colours=sidecar.colours or ("bgr" if boxes else "rgb"),
        fit=sidecar.fit or ("letterbox" if boxes else "crop"),
        mean=sidecar.mean or mean,
        deviation=sidecar.deviation or deviation,
    )
