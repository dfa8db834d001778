from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from satellite.commands import checks
from satellite.commands.checks import State
from satellite.commands.engines import ENGINES, Engine
from satellite.commands.ports import holder

from .conftest import Hearth


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


def test_missing_and_broken_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_engine.py").write_text("raise OSError('libx.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    missing = Engine("asr", "ears", "embedded", "no-such-package", ("no_such_module",))
    broken = Engine("tts", "mouth", "embedded", "no-such-package", ("broken_engine",))
    monkeypatch.setattr(checks, "ENGINES", (missing, broken))
    one, other = checks.check_engines(tmp_path)
    assert (one.state, one.remedy) == (State.NOTE, "pip install 'wyoming-hearth[asr]'")
    assert other.state is State.FAULT
    assert "libx.so.1" in other.text


def test_models_tells_what_auto_takes(hearth: Hearth) -> None:
    status, models, _ = hearth("models")
    assert status == 0
    assert [model["job"] for model in models] == [engine.job for engine in ENGINES]
    assert all(model["auto"] and model["version"] for model in models)
