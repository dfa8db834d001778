"""hearth models, against a server of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.engines import ENGINES, Choice
from models.store import download
from satellite import cli
from satellite.commands.loaded import residents
from satellite.commands.watching import in_thread
from tests.models.store.shelf import CONFIG, VOICES, WEIGHTS, Shelf, stocked
from tests.satellite.commands.conftest import Hearth
from wyoming_servers.loaded import Loaded


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(download, "_PAUSE_S", 0.01)
    with stocked(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Hearth:
    """Run a command as a person would in a pipe; return its status, the lines it printed, and what it said."""

    def run(name: str, *arguments: str | Path) -> tuple[int, list[str], str]:
        status = cli.main([name, *map(str, arguments)])
        out, error = capsys.readouterr()
        return status, out.splitlines(), error

    return run


def note(folder: Path, pid: int, **fields: object) -> Path:
    """Let a server note what its process `pid` holds; then change `fields`."""
    engine = next(one for one in ENGINES if one.name == "whisper")
    Loaded(folder, Choice(engine, "", "whisper-tiny")).came(pid, 0.1)
    path = folder / "loaded" / f"{pid}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


def test_list(shelf: Shelf, hearth: Hearth, said: Hearth) -> None:
    status, printed, error = hearth("models")
    assert (status, error) == (0, "")
    assert printed == hearth("models", "list")[1]
    one, other = printed
    assert one == {
        "name": "hub-mini", "job": "asr", "engine": "whisper", "size": len(WEIGHTS) + len(CONFIG), "installed": False,
        "path": None, "memory_mb": 1, "licence": "MIT", "languages": ["en"], "suits": "tests",
    }  # fmt: skip
    assert other["name"] == "release-mini"
    hearth("models", "pull", "release-mini")
    path = str(shelf.release / "voices.bin")
    assert [(model["installed"], model["path"]) for model in hearth("models")[1]] == [(False, None), (True, path)]
    _, lines, _ = said("models")
    assert lines[0].split() == ["NAME", "JOB", "HERE", "SIZE", "MEMORY", "LANGUAGES", "LICENCE", "SUITS"]
    assert lines[2].split() == ["release-mini", "tts", "yes", "0.4", "MB", "1", "MB", "en", "MIT", "tests"]


def test_pull_tells_a_program(shelf: Shelf, hearth: Hearth) -> None:
    shelf.server.cuts = [5, 1_000_000]
    status, printed, error = hearth("models", "pull", "--local-files-only", "hub-mini")
    assert (status, error) == (1, "")
    assert "hub-mini is not here" in printed[0]["error"]
    status, printed, error = hearth("models", "pull", "hub-mini")
    assert (status, error) == (0, "")
    assert printed[-1] == {"model": "hub-mini", "path": str(shelf.hub / "snapshots" / shelf.part.name[:40])}
    told = [line for line in printed if line.get("action") == "fetch" and line["file"] == "model.bin"]
    assert told[-1] == {
        "model": "hub-mini", "action": "fetch", "file": "model.bin", "have": len(WEIGHTS),
        "size": len(WEIGHTS),
    }  # fmt: skip
    assert [line["have"] for line in printed if line.get("action") == "cut"] == [5, 1_000_000]


def test_pull_tells_a_person(shelf: Shelf, said: Hearth) -> None:
    shelf.server.cuts = [5, 1_000_000]
    status, lines, error = said("models", "pull", "hub-mini", "release-mini")
    assert status == 0
    assert lines == [str(shelf.hub / "snapshots" / shelf.part.name[:40]), str(shelf.release / "voices.bin")]
    told = error.splitlines()
    assert "hearth: the connection was cut at 1.0 MB of 3.0 MB: going on" in told
    assert "hearth: fetching model.bin: 3.0 MB of 3.0 MB" in told
    assert all(line.startswith(("hearth: fetching ", "hearth: the connection ")) for line in told)


def test_pull_draws_bars_on_a_terminal(shelf: Shelf) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom models.store import catalog\n"
        "models = catalog.load(Path(sys.argv[1]))\ncatalog.models = lambda: models\n"
        "from satellite.cli import main\nsys.exit(main(['models', 'pull', 'hub-mini']))"
    )
    terminal, end = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(shelf.catalogue)],
        stdout=subprocess.PIPE, stderr=end, env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    ) as process:  # fmt: skip
        os.close(end)
        drawn = b""
        try:
            while block := os.read(terminal, 65536):
                drawn += block
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        assert process.stdout is not None
        assert process.stdout.read().decode().strip().endswith(shelf.part.name[:40])
    assert process.returncode == 0
    assert b"fetching model.bin" in drawn
    assert "━".encode() in drawn


def test_what_fails_does_not_stop_the_others(shelf: Shelf, hearth: Hearth, said: Hearth) -> None:
    shelf.server.status["/voices.bin"] = 404
    status, printed, _ = hearth("models", "pull", "nothing", "release-mini", "hub-mini")
    errors = [line for line in printed if "error" in line]
    assert status == 1
    assert [line["model"] for line in errors] == ["nothing", "release-mini"]
    assert "no longer has release-mini's voices.bin (404)" in errors[1]["error"]
    assert printed[-1]["path"].startswith(str(shelf.hub))
    _, lines, error = said("models", "path", "release-mini", "hub-mini")
    assert error == "hearth: release-mini is not here: hearth models pull release-mini\n"
    assert lines == [printed[-1]["path"]]


def test_a_full_disk(shelf: Shelf, said: Hearth, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(shelf.cache.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    status, lines, error = said("models", "pull", "hub-mini")
    assert (status, lines, error.count("\n")) == (1, [], 1)
    assert "where 1 MB are free: make room" in error
    assert shelf.server.requests == []


def test_verify(shelf: Shelf, hearth: Hearth, said: Hearth) -> None:
    assert said("models", "verify") == (0, [], "hearth: no model is here: hearth models list\n")
    hearth("models", "pull", "hub-mini", "release-mini")
    status, lines, _ = said("models", "verify")
    assert (status, lines) == (0, ["hub-mini: sound", "release-mini: sound"])
    damaged = shelf.release / "voices.bin"
    damaged.write_bytes(VOICES[:-1] + b"?")
    status, printed, _ = hearth("models", "verify")
    assert status == 1
    ends = [line for line in printed if "sound" in line]
    assert [(line["model"], line["sound"]) for line in ends] == [("hub-mini", True), ("release-mini", False)]
    assert ends[1]["damage"] == [
        {"file": "voices.bin", "path": str(damaged), "what": "damaged: its sha256 checksum is wrong"}
    ]
    _, _, error = said("models", "verify", "release-mini")
    assert f"{damaged} is damaged: its sha256 checksum is wrong: hearth models pull release-mini" in error
    assert said("models", "pull", "release-mini")[0] == 0
    assert said("models", "verify", "release-mini")[0] == 0


def test_remove(shelf: Shelf, hearth: Hearth, said: Hearth) -> None:
    hearth("models", "pull", "release-mini")
    assert hearth("models", "remove", "release-mini")[1] == [{"model": "release-mini", "freed": len(VOICES) + 8}]
    assert said("models", "remove", "release-mini") == (1, [], "hearth: release-mini is not here\n")


@pytest.mark.parametrize("action", ["pull", "remove", "path"])
def test_which_one(action: str, hearth: Hearth) -> None:
    status, _, error = hearth("models", action)
    assert (status, error) == (2, f"hearth: which one? hearth models {action} NAME, of those in: hearth models list\n")


def test_too_many_words(hearth: Hearth) -> None:
    status, _, error = hearth("models", "list", "whisper-tiny")
    assert (status, error) == (2, "hearth: 'list' takes no names (did you mean: hearth models path whisper-tiny?)\n")


def test_engines(hearth: Hearth) -> None:
    status, engines, _ = hearth("models", "engines")
    assert status == 0
    for job in ("vad", "asr", "handle", "tts", "image"):
        taken = [engine["auto"] for engine in engines if engine["job"] == job]
        assert taken.count(True) == 1
    assert all(engine["why"] for engine in engines)


def test_loaded(tmp_path: Path, hearth: Hearth, said: Hearth) -> None:
    assert hearth("models", "list", "--loaded") == (0, [], "")
    assert "nothing is loaded" in said("models", "list", "--loaded", "--data-dir", tmp_path)[2]
    note(tmp_path, os.getpid())
    status, (line,), _ = hearth("models", "list", "--loaded")
    assert status == 0
    assert (line["pid"], line["job"], line["engine"], line["model"]) == (os.getpid(), "asr", "whisper", "whisper-tiny")
    assert 10_000_000 < line["memory"] < 100_000_000_000
    _, lines, _ = said("models", "list", "--loaded", "--data-dir", tmp_path)
    assert lines[1].split()[:3] == ["asr", "whisper", "whisper-tiny"]
    assert "0 min ago" in lines[1]


def test_notes_of_processes_that_are_gone_are_passed_over(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as gone:
        left = note(tmp_path, gone.pid)
        gone.kill()
    assert residents(tmp_path) == []
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            note(tmp_path, other.pid, started=1)  # the number was another's, just after the machine had started
            assert not left.exists()
            assert residents(tmp_path) == []
            note(tmp_path, other.pid, since=0.0)  # before the clock was set
            assert [resident.pid for resident in residents(tmp_path)] == [other.pid]
        finally:
            other.kill()


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "5", "{", "\0", '{"pid": 1}'),
        '{"pid": "x", "started": 1, "since": 0}',
        '{"pid": 1e999, "started": 1, "since": 1}',
    ],
)
def test_notes_that_cannot_be_read_are_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "loaded").mkdir()
    (tmp_path / "loaded" / "1.json").write_text(content)
    note(tmp_path, os.getpid())
    assert len(residents(tmp_path)) == 1


async def test_work_in_a_thread() -> None:
    assert await in_thread(lambda _: threading.current_thread().daemon) is True
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda _: 1 // 0)
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(cancelled: download.Cancelled) -> None:
        loop.call_soon_threadsafe(begun.set)
        while not cancelled():
            time.sleep(0.01)
        ended.set()

    task = asyncio.create_task(in_thread(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
