from __future__ import annotations

import itertools
import math
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event

from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import RATE, AudioConverter, check_format, chunk_format, read_wav, write_wav

FORMATS = list(itertools.product((8000, 11025, 16000, 22050, 44100, 48000, 192_000), (1, 2, 3, 4), (1, 2, 8)))


def tone(hertz: float, rate: int, seconds: float = 1.0) -> npt.NDArray[np.float64]:
    return 0.5 * np.sin(2 * math.pi * hertz * np.arange(int(rate * seconds)) / rate)


def encoded(sound: npt.NDArray[np.float64], width: int, channels: int) -> bytes:
    if width == 1:
        samples = (np.round(sound * 127) + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(sound * (2 ** (8 * width - 1) - 1)).astype("<i4")
        samples = whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    blocks = np.frombuffer(samples, np.uint8).reshape(-1, 1, width)
    return np.repeat(blocks, channels, axis=1).tobytes()


def level(pcm: bytes, hertz: float, rate: int = RATE) -> float:
    """Return how loud one frequency is, 0 to 1."""
    sound = np.frombuffer(pcm, "<i2") / 32768
    return float(2 * abs(np.mean(sound * np.exp(-2j * math.pi * hertz * np.arange(len(sound)) / rate))))


@pytest.mark.parametrize(("rate", "width", "channels"), FORMATS)
def test_a_tone_stays_a_tone(rate: int, width: int, channels: int) -> None:
    converter = AudioConverter(rate, width, channels)
    pcm = converter.convert(encoded(tone(1000, rate), width, channels)) + converter.flush()
    assert abs(len(pcm) / 2 / RATE - 1) < 0.01
    assert level(pcm, 1000) == pytest.approx(0.5, abs=0.02)


def test_what_the_target_cannot_carry_is_filtered() -> None:
    converter = AudioConverter(48_000, 2, 1)
    pcm = converter.convert(encoded(tone(15_000, 48_000), 2, 1)) + converter.flush()
    assert level(pcm, 1000) < 0.001


def test_the_target_passes_unchanged() -> None:
    pcm = encoded(tone(440, RATE), 2, 1)
    converter = AudioConverter(RATE, 2, 1)
    assert converter.convert(pcm) + converter.flush() == pcm


@given(st.sampled_from([(8000, 1, 1), (44100, 2, 2), (48000, 3, 1), (16000, 2, 1)]), st.data())
def test_pieces_make_no_difference_that_one_hears(form: tuple[int, int, int], data: st.DataObject) -> None:
    rate, width, channels = form
    block = width * channels
    pcm = encoded(tone(700, rate, 0.5), width, channels)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(pcm) // block), max_size=8)))
    whole, pieces = AudioConverter(*form), AudioConverter(*form)
    expected = whole.convert(pcm) + whole.flush()
    made = b"".join(
        pieces.convert(pcm[start * block : end * block])
        for start, end in zip([0, *cuts], [*cuts, len(pcm) // block], strict=True)
    )
    made += pieces.flush()
    assert len(made) == len(expected)
    assert np.abs(np.frombuffer(made, "<i2").astype(int) - np.frombuffer(expected, "<i2")).max() <= 4  # soxr dithers


def test_a_large_chunk_is_made_bit_by_bit() -> None:
    converter = AudioConverter(8000, 1, 1)
    pieces = list(converter.pieces(b"\x80" * (1 << 20)))
    assert len(pieces) == 32
    assert max(len(piece) for piece in pieces) < 150_000


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [
        (0, 2, 1),
        (1, 2, 1),
        (7_999, 2, 1),
        (192_001, 2, 1),
        (-16_000, 2, 1),
        (16_000.0, 2, 1),
        ("16000", 2, 1),
        (None, 2, 1),
        (True, 2, 1),
        ([16_000], 2, 1),
        (10**30, 2, 1),
        (16_000, 0, 1),
        (16_000, 5, 1),
        (16_000, "2", 1),
        (16_000, 2, 0),
        (16_000, 2, 9),
        (16_000, 2, 99),
        (16_000, 2, None),
        (float("nan"), 2, 1),
    ],
)
def test_what_cannot_be_sound(rate: object, width: object, channels: object) -> None:
    with pytest.raises(UnsupportedAudio) as caught:
        check_format(rate, width, channels)
    assert "takes a whole number from" in caught.value.text
    with pytest.raises(UnsupportedAudio):
        chunk_format(Event("audio-chunk", {"rate": rate, "width": width, "channels": channels}))


@pytest.mark.parametrize(("width", "channels", "size"), [(2, 1, 1), (2, 2, 6), (3, 1, 4), (4, 8, 31)])
def test_broken_samples(width: int, channels: int, size: int) -> None:
    with pytest.raises(UnsupportedAudio, match="no whole samples"):
        AudioConverter(16_000, width, channels).convert(bytes(size))


def test_wav_files(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    write_wav(path, encoded(tone(1000, 22_050), 2, 1), 22_050)
    pcm = read_wav(path)
    assert level(pcm, 1000) == pytest.approx(0.5, abs=0.02)
    assert len(read_wav(path, 8000)) == pytest.approx(16_000, abs=200)


def test_wav_files_that_end_too_early_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    write_wav(path, encoded(tone(1000, RATE), 2, 1), RATE)
    path.write_bytes(path.read_bytes()[:-1001])
    assert len(read_wav(path)) == 2 * RATE - 1002


def test_what_is_no_wav_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    write_wav(empty, b"", RATE)
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"no sound at all")
    nothing = tmp_path / "nothing.wav"
    nothing.write_bytes(b"")
    strange = tmp_path / "strange.wav"
    with wave.open(str(strange), "wb") as file:
        file.setparams((1, 2, 100, 0, "NONE", ""))
        file.writeframes(bytes(200))
    compressed = tmp_path / "compressed.wav"
    write_wav(compressed, bytes(200), RATE)
    content = bytearray(compressed.read_bytes())
    content[20:22] = (6).to_bytes(2, "little")  # A-law
    compressed.write_bytes(content)
    for path in (empty, noise, nothing, strange, compressed, tmp_path / "missing.wav", tmp_path):
        with pytest.raises(UnsupportedAudio) as caught:
            read_wav(path)
        assert caught.value.text.startswith(str(path))
        assert "\n" not in caught.value.text
