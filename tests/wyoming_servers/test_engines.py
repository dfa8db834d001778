from __future__ import annotations

import json
import logging
import os
from argparse import Namespace
from pathlib import Path

import pytest

from models import engines
from models.engine import EngineError, EngineUnavailable
from models.engines import Engine
from wyoming_servers.engines import Setting, add_engine_options, named, open_engines
from wyoming_servers.memory import memory_bytes
from wyoming_servers.wire import BadValue
from wyoming_servers.wire.options import Parser


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of the tests that takes a model."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    factory = "tests.wyoming_servers.engines:of_model"
    tested = Engine("asr", "tested", "neural", factory, "no-package", ("json",), "asr", weights=True)
    monkeypatch.setattr(engines, "ENGINES", (tested,))


def options(data_dir: Path, *given: str) -> Namespace:
    parser = Parser(prog="test")
    parser.add_argument("--data-dir", type=Path, default=data_dir)
    add_engine_options(parser, "asr")
    return parser.parse_args(given)


def model(folder: Path, name: str) -> str:
    path = folder / name
    path.touch()
    return str(path)


async def test_several_models_in_one_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    args = options(tmp_path, "--model", model(tmp_path, "one.bin"), "--model", model(tmp_path, "two.bin"))
    async with open_engines(args, "asr", lambda choice: Setting({"note": choice.model})) as running:
        assert [one.name for one in running] == ["one", "two"]
        assert named(running, None, "'transcribe'") is running[0]
        assert named(running, "two", "'transcribe'") is running[1]
        with pytest.raises(BadValue, match="'transcribe' asks for 'three'; this server has one, two"):
            named(running, "three", "'transcribe'")
        assert running[1].described["name"] == f"two {tmp_path / 'two.bin'}"
        notes = [json.loads(path.read_text()) for path in (tmp_path / "loaded").iterdir()]
        assert {note["model"] for note in notes} == {"one", "two"}
        assert all(memory_bytes(note["pid"]) > 1_000_000 and note["engine"] == "tested" for note in notes)
    assert not list((tmp_path / "loaded").iterdir())
    assert f"asr: tested was given {tmp_path / 'one.bin'}" in caplog.text
    assert "asr: tested one loaded in" in caplog.text


async def test_what_nobody_uses_is_unloaded(tmp_path: Path) -> None:
    args = options(tmp_path, "--model", model(tmp_path, "one.bin"), "--keep-alive", "0")
    async with open_engines(args, "asr", lambda _: Setting()) as [one]:
        for _ in range(2):
            async with one.processes.stream() as stream:
                pid = await stream.call("pid")
                assert (tmp_path / "loaded" / f"{pid}.json").exists()
            await one.processes._workers[0].died()
            assert not list((tmp_path / "loaded").iterdir())


async def test_what_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no model 'missing' for tested"):
        async with open_engines(options(tmp_path, "--model", "missing"), "asr", lambda _: Setting()):
            pass


async def test_the_embedded_engine_takes_the_place_of_one_that_auto_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tests = "tests.wyoming_servers"
    broken = Engine("asr", "broken", "neural", f"{tests}.engines:unavailable", "a", ("json",), "asr")
    crashing = Engine(
        "asr", "crashing", "neural", f"{tests}.talker:crash", "a", ("json",), "asr", if_it_crashes="do this"
    )
    plain = Engine("asr", "plain", "embedded", f"{tests}.engines:make", "a", ("json",), "asr")
    for first, said in ((broken, "pip install 'something'"), (crashing, "crashed in native code (SIGSEGV)")):
        monkeypatch.setattr(engines, "ENGINES", (first, plain))
        async with open_engines(options(tmp_path), "asr", lambda _: Setting()) as [one]:
            assert one.choice.engine is plain
        assert f"asr: {first.name} cannot be used, the embedded engine takes its place:" in caplog.text
        assert said in caplog.text
        with pytest.raises(EngineError, match=r"do this|something"):
            async with open_engines(options(tmp_path, "--engine", first.name), "asr", lambda _: Setting()):
                pass


@pytest.mark.parametrize("value", ["-2", "soon", "nan", "1e999"])
def test_a_wrong_keep_alive(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(tmp_path, f"--keep-alive={value}")
    assert "takes a number of seconds, or -1 for ever" in capsys.readouterr().err


def test_the_memory_of_nobody() -> None:
    assert memory_bytes(os.getpid()) > 10_000_000
    assert memory_bytes(2**22 + 1) == 0
