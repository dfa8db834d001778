"""Whisper's weights: loaded once for all streams, with a clear line for whatever is wrong with them."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from models.engine import EngineError, EngineUnavailable

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

DEVICES = ("auto", "cpu", "cuda")

_NEEDED = ("model.bin", "tokenizer.json")
"""Without a tokenizer's file, faster-whisper would ask the Hub for one."""

_MOST_THREADS = 4
"""For one transcription. More wait for each other: the pieces of a short sentence are small."""

_PREFERRED = {
    "cpu": ("int8", "int8_float32", "float32"),
    "cuda": ("float16", "int8_float16", "bfloat16", "int8_float32", "float32"),
}
"""The first that the device has. On a CPU 8 bits are two to four times as fast, and a quarter of the memory."""


def load(folder: Path, *, device: str = "auto", compute_type: str = "auto") -> WhisperModel:
    """Return the model in `folder`, a Whisper model converted for CTranslate2.

    `compute_type` is one of CTranslate2's, or "auto" for the fastest that the device has. Two transcriptions run side
    by side; more wait. Raises `EngineUnavailable` where the package, the folder or the device is missing, `EngineError`
    where the folder holds something else or the device has no such compute type.
    """
    try:
        import ctranslate2
        import faster_whisper
    except ImportError as error:
        raise EngineUnavailable(f"no faster-whisper ({error}): pip install 'wyoming-hearth[whisper]'") from error
    _look_at(folder)
    device = _device(device, ctranslate2.get_cuda_device_count())
    compute_type = _compute_type(compute_type, device, ctranslate2.get_supported_compute_types(device))
    cores = len(os.sched_getaffinity(0))
    try:
        model: WhisperModel = faster_whisper.WhisperModel(
            str(folder),
            device=device,
            compute_type=compute_type,
            cpu_threads=min(cores, _MOST_THREADS),
            num_workers=2 if cores > 1 or device == "cuda" else 1,
        )
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EngineError(f"{folder} cannot be loaded as a Whisper model of CTranslate2: {reason}") from error
    except Exception as error:  # the tokenizer's library raises plain exceptions
        raise EngineError(f"{folder}: tokenizer.json is damaged ({error}); pull the model again") from error
    bands = model.model.n_mels
    if model.feature_extractor.mel_filters.shape[0] != bands:  # large-v3's, without its preprocessor_config.json
        model.feature_extractor = faster_whisper.feature_extractor.FeatureExtractor(feature_size=bands)
    return model


def package_version() -> str:
    """Return the version of faster-whisper, which is installed."""
    return metadata.version("faster-whisper")


def _look_at(folder: Path) -> None:
    """Raise where `folder` cannot be a model's: faster-whisper takes a path that is not there for a name on the Hub."""
    if not folder.exists():
        raise EngineUnavailable(f"no folder {folder}: give that of a Whisper model, or hearth models pull whisper-tiny")
    if not folder.is_dir():
        raise EngineError(
            f"{folder} is a file: a Whisper model of CTranslate2 is a folder with {' and '.join(_NEEDED)}"
        )
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise EngineError(
            f"{folder} is no Whisper model of CTranslate2: it has no {' and no '.join(missing)}"
            " (ct2-transformers-converter makes one from OpenAI's weights)"
        )


def _device(device: str, cuda_devices: int) -> str:
    if device not in DEVICES:
        raise EngineError(f"no device '{device}': there are {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if cuda_devices else "cpu"
    if device == "cuda" and not cuda_devices:
        raise EngineUnavailable("no CUDA device was found: use --device cpu, or see that nvidia-smi shows one")
    return device


def _compute_type(wanted: str, device: str, supported: set[str]) -> str:
    if wanted == "auto":
        return next(one for one in _PREFERRED[device] if one in supported)
    if wanted not in supported:
        raise EngineError(f"this {device} has no compute type '{wanted}': it has {', '.join(sorted(supported))}")
    return wanted
