"""Kokoro's network in onnxruntime: phonemes and a voice in, sound out."""

from __future__ import annotations

import os
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.engine import EngineError, EngineUnavailable

_MOST_THREADS = 4
"""More cores than that leave each too little of a layer."""

_INPUTS = ({"tokens", "style", "speed"}, {"input_ids", "style", "speed"})
"""Older and newer exports of Kokoro v1.0."""

MOST_PHONEMES = 220
"""At once. The process holds 1 MB more for each while they are made; it is given no more than `models.pieces.LONGEST`
characters, of which few texts have more phonemes than this."""

_STYLE = 256
"""Numbers that describe a voice, for each length of text."""


class Stop:
    """Ends the work of one stream, from any thread."""

    def __init__(self) -> None:
        import onnxruntime

        self.options = onnxruntime.RunOptions()
        # What a piece took is given back after it. Else the process holds for ever what its longest one took.
        self.options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def set(self) -> None:
        """End the work under way within a layer of the network, some 20 ms, and all that follows."""
        self.options.terminate = True

    @property
    def is_set(self) -> bool:
        """True once it was set."""
        return bool(self.options.terminate)


class Network:
    """The model and its voices. Any thread may use it; they take turns."""

    def __init__(self, model: Path, voices: Path) -> None:
        """Load both files; raises `EngineUnavailable` without kokoro-onnx and `EngineError` for other files."""
        try:
            import kokoro_onnx
            import onnxruntime
            from kokoro_onnx.session import resolve_providers
        except ImportError as error:
            raise EngineUnavailable(
                f"Kokoro needs kokoro-onnx ({error}): pip install 'wyoming-hearth[kokoro]'"
            ) from error
        styles = _styles(voices)
        self.voices = list(styles)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        options.log_severity_level = 3  # errors: what it warns of is about the export
        # Waiting threads would spin, which takes the cores from the ears and the language model.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=resolve_providers())
        except Exception as error:  # onnxruntime's errors have no common base
            raise EngineError(f"{model} is no ONNX model that can be read: {_line(error)}") from error
        inputs = {given.name for given in self._session.get_inputs()}
        if inputs not in _INPUTS:
            raise EngineError(f"{model} is not Kokoro: its inputs are {', '.join(sorted(inputs))}, not {_named()}")
        self._kokoro = kokoro_onnx.Kokoro.from_session(self._session, str(voices))
        self._kokoro.voices.close()  # it would read them from the file each time
        self._kokoro.voices = styles
        self._kokoro.sess = self  # its one caller of `run`, so that a stream can be stopped
        self._turn = threading.Lock()
        self._options: Any = None
        self.version = metadata.version("kokoro-onnx")

    def speak(self, phonemes: str, voice: str, speed: float, stop: Stop) -> npt.NDArray[np.float32]:
        """Return the sound of `phonemes` at 24 kHz, -1 to 1, without silence around it; empty where there is none.

        Raises `EngineError` when stopped.
        """
        known = self._kokoro.tokenizer.known(phonemes)
        if not any(map(str.isalpha, known)):
            return np.zeros(0, np.float32)
        with self._turn:
            self._options = stop.options
            try:
                audio = [
                    self._kokoro.create(piece, voice, speed=speed, is_phonemes=True)[0] for piece in _pieces(known)
                ]
            except Exception as error:
                if stop.is_set:
                    raise EngineError("stopped") from None
                raise EngineError(f"Kokoro cannot say this: {_line(error)}") from error
        return np.concatenate(audio).astype(np.float32)

    def run(self, outputs: list[str] | None, inputs: dict[str, Any]) -> Any:
        """Run the network, for kokoro_onnx."""
        return self._session.run(outputs, inputs, self._options)


def _pieces(phonemes: str) -> list[str]:
    """Cut what is too much at once: at a space where there is one."""
    pieces = []
    while len(phonemes) > MOST_PHONEMES:
        end = phonemes.rfind(" ", 1, MOST_PHONEMES + 1)
        end = end if end > 0 else MOST_PHONEMES
        pieces.append(phonemes[:end])
        phonemes = phonemes[end:].lstrip()
    return [piece for piece in [*pieces, phonemes] if any(map(str.isalpha, piece))]


def _styles(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the voices in a file, each lengths x 1 x 256."""
    try:
        with np.load(path) as file:
            styles = {name: file[name] for name in sorted(file.files)}
            known = bool(styles) and all(style.shape[1:] == (1, _STYLE) for style in styles.values())
    except Exception as error:  # what a file of another kind makes numpy and zipfile raise
        raise EngineError(f"{path} is no file of Kokoro's voices: {_line(error)}") from error
    if not known:
        raise EngineError(f"{path} is no file of Kokoro's voices: it has none of {_STYLE} numbers")
    return styles


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _named() -> str:
    return " or ".join(", ".join(sorted(inputs)) for inputs in _INPUTS)
