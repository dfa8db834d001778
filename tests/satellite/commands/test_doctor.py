from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from models import engines
from models.engines import Engine
from satellite.commands import checks
from satellite.commands.checks import State
from satellite.commands.ports import holder
from tests.satellite.commands.conftest import Hearth


def test_doctor_finds_this_machine_well(hearth: Hearth) -> None:
    status, findings, error = hearth("doctor")
    assert not error
    faults = [finding for finding in findings if finding["state"] == "fault"]
    assert (status, faults) == (0, [])
    checked = {finding["check"] for finding in findings}
    assert {"vad", "asr", "handle", "tts", "image", "zeroconf", "data", "port 10300"} <= checked
    assert all(finding["remedy"] for finding in findings if finding["state"] == "note")


def test_a_data_folder_that_cannot_be_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (finding,) = checks.check_data_dir(tmp_path / "file" / "data")
    assert finding.state is State.FAULT
    assert "--data-dir" in finding.remedy
    (finding,) = checks.check_data_dir(tmp_path / "new")
    assert finding.state is State.OK


def test_a_port_in_use_is_told_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        owner = holder(port)
        assert owner is not None
        assert f"(process {os.getpid()})" in owner
        monkeypatch.setattr(checks, "PORTS", {"asr": port})
        monkeypatch.setattr(checks, "DESCRIBE_S", 0.2)
        (finding,) = checks.check_ports(Path())
        assert finding.state is State.NOTE
        assert "speaks no Wyoming" in finding.text
    assert holder(port) is None
    (finding,) = checks.check_ports(Path())
    assert finding.state is State.OK


def test_which_engine_speaks_the_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    english = Engine("asr", "ears", "embedded", "a:b", "no-such-package", ("json",), "asr", languages=("en",))
    any_language = Engine("tts", "voice", "embedded", "a:b", "no-such-package", ("json",), "tts")
    wake = Engine("wake", "words", "embedded", "a:b", "no-such-package", ("json",), "wake", languages=("en",))
    monkeypatch.setattr(engines, "ENGINES", (english, any_language, wake))
    monkeypatch.setattr(checks, "PORTS", {"asr": 1, "tts": 2, "wake": 3})
    assert [finding.state for finding in checks.check_engines(tmp_path)] == [State.OK] * 3
    deaf, voice, words = checks.check_engines(tmp_path, language="de")
    assert (deaf.state, voice.state, words.state) == (State.NOTE, State.OK, State.OK)
    assert deaf.text == "no asr server can run here: ears: it speaks en alone, not de"


def test_missing_and_broken_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_engine.py").write_text("raise OSError('libx.so.1: cannot open shared object file')")
    (tmp_path / "crashing_engine.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(
        engines,
        "ENGINES",
        tuple(
            Engine(job, "an-engine", "embedded", "a:b", "no-such-package", (module,), job)
            for job, module in (("asr", "no_such_module"), ("tts", "broken_engine"), ("vad", "crashing_engine"))
        ),
    )
    monkeypatch.setattr(checks, "PORTS", {"asr": 1, "tts": 2, "vad": 3})
    missing, _, broken, _, crashing = checks.check_engines(tmp_path)
    assert (missing.state, missing.remedy) == (State.NOTE, "pip install 'wyoming-hearth[asr]'")
    assert "no_such_module is not installed" in missing.text
    assert broken.state is crashing.state is State.FAULT
    assert "libx.so.1" in broken.text
    assert "it crashes with SIGILL" in crashing.text
