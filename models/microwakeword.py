"""Wake words: microWakeWord's models, four of them inside the package, and a user's own.

The library holds the interpreter's lock for its features and lets it go for the network; both together take 0.04 ms for
10 ms of sound and one word, so whoever hears in real time needs no thread for it.

A word is known when the average of its last five probabilities, 30 ms each, passes its cutoff: in recordings from 0.6 s
before to 0.2 s after the word's last loud sound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ctypes import c_void_p
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.engine import (
    SAMPLE_RATE,
    BadInput,
    EngineUnavailable,
    WakeWord,
    WakeWordHeard,
    WakeWords,
    WakeWordStream,
)
from models.manifest import Manifest, find_manifests, read_manifest

if TYPE_CHECKING:
    from pymicro_wakeword import MicroWakeWord

REFRACTORY_S = 2.0
"""After a word; Home Assistant passes over repeats within the same time."""

_FEATURES = 40
"""Of one frame; what the library's front end makes."""

_STEP_SAMPLES = SAMPLE_RATE // 100
_FRAME_SAMPLES = 3 * _STEP_SAMPLES

_REMEDY = "pip install 'wyoming-hearth[wake]'"

_OTHER_NAMES = {"ok_nabu": "okay_nabu"}
"""As wyoming-openwakeword calls them."""

_VERSION = re.compile(r"_v[0-9.]+$")


class MicroWakeWordStream(WakeWordStream):
    """One listener: 0.3 ms and 0.2 MB a word to open."""

    def __init__(self, detectors: Sequence[tuple[str, MicroWakeWord]], features: Any, refractory_s: float) -> None:
        self._features = features
        self._refractory = round(refractory_s * SAMPLE_RATE)
        self._detectors = detectors
        self._frames = 0
        self._above = dict.fromkeys((name for name, _ in detectors), False)
        self._quiet_until: dict[str, int] = {}

    def feed(self, pcm: bytes) -> list[WakeWordHeard]:
        """Hear more, in any pieces, and return the words that were said."""
        heard = []
        for features in self._features.process_streaming(pcm):
            samples = self._frames * _STEP_SAMPLES + _FRAME_SAMPLES
            self._frames += 1
            for name, detector in self._detectors:
                if (probability := detector.process_streaming_prob(features)) is None:  # it only gathers
                    continue
                was_above, self._above[name] = self._above[name], probability > detector.probability_cutoff
                if self._above[name] and not was_above and samples >= self._quiet_until.get(name, 0):
                    self._quiet_until[name] = samples + self._refractory
                    heard.append(WakeWordHeard(name, samples))
        return heard


class MicroWakeWords(WakeWords):
    """The engine: the package's words, and those of a user's own files, which go before others of the same name.

    `models` are paths of .json or .tflite files, or of folders of them. Raises `EngineUnavailable` when the package is
    not installed or too old, or when a file is missing or not what it should be.
    """

    def __init__(self, models: Sequence[str | Path] = ()) -> None:
        try:
            import pymicro_wakeword
            from pymicro_wakeword import MicroWakeWordFeatures
        except ImportError as error:
            raise EngineUnavailable(f"wake words need pymicro-wakeword ({error}): {_REMEDY}") from error
        self.version = metadata.version("pymicro-wakeword")
        if int(self.version.partition(".")[0]) < 2:
            raise EngineUnavailable(f"pymicro-wakeword {self.version} is too old, 2 or later is needed: {_REMEDY}")
        self.name = "microwakeword"
        package = Path(pymicro_wakeword.__file__).parent
        self._library = _library(package)
        self._features = MicroWakeWordFeatures
        own = [read_manifest(file) for model in models for file in find_manifests(Path(model).expanduser())]
        names = [manifest.word.name for manifest in own]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise EngineUnavailable(f"two wake words are called {twice}: rename one of the files")
        shipped = [read_manifest(file) for file in find_manifests(package / "models")]
        self._manifests = {manifest.word.name: manifest for manifest in (*shipped, *own)}
        self.words = [manifest.word for manifest in self._manifests.values()]
        for name, manifest in self._manifests.items():
            try:
                self.open(names=[name]).feed(bytes(2 * SAMPLE_RATE // 10))  # says now what is wrong with it
            except RuntimeError as error:
                raise EngineUnavailable(f"{manifest.model} is no model of microWakeWord ({error})") from error

    def open(
        self, *, names: Sequence[str] | None = None, threshold: float | None = None, refractory_s: float = REFRACTORY_S
    ) -> MicroWakeWordStream:
        """Return a new listener that has heard nothing."""
        if threshold is not None and not 0 < threshold < 1:
            raise BadInput(f"threshold is {threshold:g}; it must be between 0 and 1")
        if not 0 <= refractory_s <= 3600:
            raise BadInput(f"the time after which a word is heard again is {refractory_s:g} s; it takes 0 to 3600")
        chosen = dict.fromkeys(find_word(self.words, name).name for name in names or self._manifests)
        detectors = [(name, self._detector(self._manifests[name], threshold)) for name in chosen]
        return MicroWakeWordStream(detectors, self._features(), refractory_s)

    def _detector(self, manifest: Manifest, threshold: float | None) -> MicroWakeWord:
        from pymicro_wakeword import MicroWakeWord

        class Detector(MicroWakeWord):
            """The library's, with its functions checked: it goes on with null pointers, and crashes.

            And with half its work: the buffers are made once, and what is averaged is added up.
            """

            def _load_model(self) -> None:
                for function in (self.lib.TfLiteModelCreateFromFile, self.lib.TfLiteInterpreterCreate):
                    function.errcheck = _not_null
                for function in (self.lib.TfLiteInterpreterAllocateTensors, self.lib.TfLiteInterpreterInvoke):
                    function.errcheck = _succeeds
                super()._load_model()
                shape = [self.lib.TfLiteTensorDim(self.input_tensor, index) for index in range(3)]
                if self.lib.TfLiteTensorNumDims(self.input_tensor) != 3 or shape[::2] != [1, _FEATURES]:
                    raise ValueError(f"its input is {shape}, not frames of {_FEATURES} features")
                if (size := self.lib.TfLiteTensorByteSize(self.output_tensor)) != 1:
                    raise ValueError(f"its output is {size} bytes, not one probability")
                self._frames = np.empty((self.stride, _FEATURES))
                self._gathered = 0
                self._input = np.empty((self.stride, _FEATURES), self.input_dtype)
                self._output = np.empty(1, self.output_dtype)

            def process_streaming_prob(self, features: npt.NDArray[np.float64]) -> float | None:
                """Return the mean of the last probabilities, or None where a frame was only kept for the next ones."""
                self._frames[self._gathered] = features[0, 0]
                self._gathered += 1
                if self._gathered < self.stride:
                    return None
                self._gathered = 0
                self._input[:] = np.rint(self._frames / self.input_scale + self.input_zero_point)
                self.lib.TfLiteTensorCopyFromBuffer(
                    self.input_tensor, self._input.ctypes.data_as(c_void_p), self._input.nbytes
                )
                self.lib.TfLiteInterpreterInvoke(self.interpreter)
                self.lib.TfLiteTensorCopyToBuffer(self.output_tensor, self._output.ctypes.data_as(c_void_p), 1)
                self._probabilities.append((int(self._output[0]) - self.output_zero_point) * self.output_scale)
                if len(self._probabilities) < self.sliding_window_size:
                    return 0.0
                return sum(self._probabilities) / self.sliding_window_size

        try:
            return Detector(
                manifest.word.name,
                wake_word=manifest.word.phrase,
                tflite_model=manifest.model,
                probability_cutoff=manifest.cutoff if threshold is None else threshold,
                sliding_window_size=manifest.window,
                trained_languages=manifest.word.languages,
                libtensorflowlite_c_path=self._library,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineUnavailable(f"{manifest.model} is no model of microWakeWord ({error})") from error
        except OSError as error:
            raise EngineUnavailable(f"TensorFlow Lite does not load ({error}): {_REMEDY} --force-reinstall") from error


def open_wake_words(models: Sequence[str] = ()) -> MicroWakeWords:
    """Load the engine, for a worker process to be told by name."""
    return MicroWakeWords(models)


def find_word(words: Sequence[WakeWord], name: str) -> WakeWord:
    """Return the word called `name`, also as other programs write it; raise `BadInput`, naming the known, for another.

    "Okay Nabu", "ok_nabu" and "okay_nabu_v0.1" are all okay_nabu, unless a word is called just so.
    """
    plain = _VERSION.sub("", name.strip().lower().replace(" ", "_").replace("-", "_"))
    for candidate in (name, plain, _OTHER_NAMES.get(plain, plain)):
        for word in words:
            if word.name == candidate:
                return word
    raise BadInput(f"no wake word {name!r:.60}; there are {', '.join(word.name for word in words)}")


def _library(package: Path) -> Path:
    """Return the TensorFlow Lite that the package brings."""
    if (library := next((package / "lib").glob("*tensorflowlite_c.*"), None)) is None:
        raise EngineUnavailable(
            f"pymicro-wakeword has no TensorFlow Lite for this machine: {_REMEDY} --force-reinstall"
        )
    return library


def _not_null(result: Any, function: Any, _: Any) -> Any:
    if not result:
        raise RuntimeError(f"{function.__name__} refuses it")
    return result


def _succeeds(result: Any, function: Any, _: Any) -> Any:
    if result:
        raise RuntimeError(f"{function.__name__} failed with {result}")
    return result
