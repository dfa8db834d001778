"""Audio formats: what can be sound, and making it what an engine takes.

Resampling is soxr's (high quality, streaming), because taking every third sample lets a 15 kHz tone pass as 1 kHz.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from wyoming.event import Event

from wyoming_servers.wire._errors import UnsupportedAudio
from wyoming_servers.wire._fields import Fields, shown

__all__ = [
    "RATE",
    "WIDTH",
    "AudioConverter",
    "Format",
    "check_format",
    "chunk_format",
    "read_wav",
    "wav_pieces",
    "write_wav",
]

RATE: Final = 16_000
"""Hertz; what every engine hears, with `WIDTH` bytes a sample and one channel."""

WIDTH: Final = 2

_PIECE_BYTES = 32 * 1024

_RATES = (8_000, 192_000)
_WIDTHS = (1, 4)
_CHANNELS = (1, 8)

Format = tuple[int, int, int]
"""Rate in hertz, width in bytes, channels."""


def check_format(rate: object, width: object, channels: object) -> Format:
    """Return the format; raise `UnsupportedAudio`, naming what is wrong, where it cannot be sound."""
    for name, value, (least, most), unit in (
        ("rate", rate, _RATES, "hertz"),
        ("width", width, _WIDTHS, "bytes"),
        ("channels", channels, _CHANNELS, "channels"),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise UnsupportedAudio(
                f"audio '{name}' takes a whole number from {least} to {most} ({unit}), not {shown(value)}"
            )
    assert isinstance(rate, int) and isinstance(width, int) and isinstance(channels, int)
    return rate, width, channels


def chunk_format(event: Event) -> Format:
    """Return the format that an `audio-start` or `audio-chunk` announces; raise `UnsupportedAudio`."""
    Fields(event.type, event.data)
    return check_format(event.data.get("rate"), event.data.get("width"), event.data.get("channels"))


class AudioConverter:
    """Makes a stream of any format into 16-bit mono of one rate."""

    def __init__(self, rate: int, width: int, channels: int, to_rate: int = RATE) -> None:
        """Raise `UnsupportedAudio` for a format that cannot be sound."""
        self.format = check_format(rate, width, channels)
        self._same = self.format == (to_rate, WIDTH, 1)
        self._resampler: Any = None
        if rate != to_rate:
            import soxr

            self._resampler = soxr.ResampleStream(rate, to_rate, 1, dtype="int16", quality="HQ")

    def convert(self, pcm: bytes) -> bytes:
        """Return what `pcm` makes; some of it may come with a later call.

        Raises `UnsupportedAudio` where `pcm` is not whole samples.
        """
        return b"".join(self.pieces(pcm))

    def pieces(self, pcm: bytes) -> Iterator[bytes]:
        """Yield what `convert` returns bit by bit, each made within a millisecond. Raises as `convert`."""
        _, width, channels = self.format
        if len(pcm) % (width * channels):
            raise UnsupportedAudio(
                f"{len(pcm)} bytes of audio are no whole samples of {width} bytes in {channels} channels; "
                f"send a multiple of {width * channels} bytes"
            )
        step = _PIECE_BYTES - _PIECE_BYTES % (width * channels)
        for start in range(0, len(pcm), step):
            piece = pcm[start : start + step]
            if not self._same:
                mono = _to_mono(_to_s16(piece, width), channels)
                if self._resampler is not None:
                    mono = self._resampler.resample_chunk(mono)
                piece = mono.tobytes()
            yield piece

    def flush(self) -> bytes:
        """Return the rest; the stream is over."""
        if self._resampler is None:
            return b""
        rest: npt.NDArray[np.int16] = self._resampler.resample_chunk(np.zeros(0, np.int16), last=True)
        return rest.tobytes()


def _to_s16(pcm: bytes, width: int) -> npt.NDArray[np.int16]:
    if width == 1:  # unsigned, as in WAV files
        signed: npt.NDArray[np.int16] = (np.frombuffer(pcm, np.uint8).astype(np.int16) - 128) << 8
        return signed
    if width == 2:
        return np.frombuffer(pcm, "<i2")
    # The two high bytes of each little-endian sample.
    samples: npt.NDArray[np.int16] = np.frombuffer(pcm, np.uint8).reshape(-1, width)[:, -2:].copy().view("<i2")
    return samples.reshape(-1)


def _to_mono(samples: npt.NDArray[np.int16], channels: int) -> npt.NDArray[np.int16]:
    if channels == 1:
        return samples
    mono: npt.NDArray[np.int16] = samples.reshape(-1, channels).mean(axis=1).astype(np.int16)
    return mono


def wav_pieces(path: str | Path, to_rate: int = RATE) -> Generator[bytes, None, None]:
    """Yield the sound in a WAV file as 16-bit mono of `to_rate`, about a tenth of a second at a time.

    So an hour of it takes no more memory than a second. Raises `UnsupportedAudio`, naming the file, where it is missing
    or no WAV of PCM samples.
    """
    try:
        with wave.open(str(path), "rb") as file:
            converter = AudioConverter(file.getframerate(), file.getsampwidth(), file.getnchannels(), to_rate)
            block = math.prod(converter.format[1:])
            while data := file.readframes(converter.format[0] // 10):
                if pcm := converter.convert(data[: len(data) - len(data) % block]):
                    yield pcm
        if pcm := converter.flush():
            yield pcm
    except OSError as error:
        raise UnsupportedAudio(f"{path}: {error.strerror or error}") from error
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends too early"
        raise UnsupportedAudio(f"{path}: not a WAV file of PCM samples ({reason})") from error
    except UnsupportedAudio as error:
        raise UnsupportedAudio(f"{path}: {error.text}") from error


def read_wav(path: str | Path, to_rate: int = RATE) -> bytes:
    """Return the sound in a WAV file as 16-bit mono of `to_rate`.

    Raises `UnsupportedAudio`, naming the file, where it is missing, no WAV of PCM samples, or without sound.
    """
    pcm = b"".join(wav_pieces(path, to_rate))
    if not pcm:
        raise UnsupportedAudio(f"{path}: the file holds no sound")
    return pcm


def write_wav(path: str | Path, pcm: bytes, rate: int) -> None:
    """Write 16-bit mono `pcm` of `rate` hertz; raise OSError where that cannot be."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH)
        file.setframerate(rate)
        file.writeframes(pcm)
