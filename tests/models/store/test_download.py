"""One file over real sockets that break."""

from __future__ import annotations

import random
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.store import download
from models.store.download import DownloadError, Mismatch, Stopped
from tests.models.store.file_server import FileServer, serving

CONTENT = random.Random(3).randbytes(1_000_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download, "_PAUSE_S", 0.01)
    with serving(FileServer(files={"/file": CONTENT})) as running:
        yield running


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "file.part"


def fetch(server: FileServer, part: Path, **options: Any) -> list[tuple[str, int]]:
    """Fetch, and return what was told: actions with the bytes done."""
    told = []

    def progress(action: str, name: str, have: int, size: int) -> None:
        assert (name, size) == ("file", len(CONTENT))
        told.append((action, have))

    url = options.pop("url", f"{server.address}/file")
    given: dict[str, Any] = {"progress": progress, "cancelled": lambda: False} | options
    download.fetch(url, part, model="mini", name="file", size=len(CONTENT), **given)
    return told


def test_in_one_go(server: FileServer, part: Path) -> None:
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert told[-1] == ("fetch", len(CONTENT))
    assert all(action == "fetch" for action, _ in told)


def test_cuts_and_resets(server: FileServer, part: Path) -> None:
    server.cuts = [1000, 300_000, 1, 2, 100_000]
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert [action for action, _ in told].count("cut") == 5
    starts = [headers.get("Range", "") for _, _, headers in server.requests]
    assert starts[0] == ""
    assert all(start.startswith("bytes=") for start in starts[1:])
    assert sum(have for action, have in told if action == "cut") > 5  # it did not begin again


def test_a_server_that_knows_no_ranges(server: FileServer, part: Path) -> None:
    server.ranges = False
    server.cuts = [400_000]
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_goes_on_from_a_part(server: FileServer, part: Path) -> None:
    part.write_bytes(CONTENT[:700_000])
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert min(have for _, have in told) > 700_000


def test_a_part_that_is_whole_asks_for_nothing(server: FileServer, part: Path) -> None:
    part.write_bytes(CONTENT)
    assert fetch(server, part) == []
    assert server.requests == []


def test_a_part_that_is_too_long_begins_again(server: FileServer, part: Path) -> None:
    part.write_bytes(b"x" * 2_000_000)
    fetch(server, part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("there", [CONTENT + b"x", CONTENT[:-1]])
def test_another_size_is_refused_before_the_first_byte(server: FileServer, part: Path, there: bytes) -> None:
    server.files["/file"] = there
    with pytest.raises(Mismatch, match=rf"file is {len(there)} bytes at 127.0.0.1, and must be {len(CONTENT)}"):
        fetch(server, part)
    assert part.stat().st_size == 0


def test_another_size_is_refused_when_going_on(server: FileServer, part: Path) -> None:
    part.write_bytes(CONTENT[:100])
    server.files["/file"] = CONTENT + b"x"
    with pytest.raises(Mismatch):
        fetch(server, part)


def test_a_part_of_what_has_become_shorter(server: FileServer, part: Path) -> None:
    part.write_bytes(CONTENT[:500])
    server.files["/file"] = CONTENT[:400]
    with pytest.raises(Mismatch, match="file is 400 bytes"):  # after 416, from the start
        fetch(server, part)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"127.0.0.1 no longer has mini's file \(404\)"),
        (403, r"127.0.0.1 refuses mini's file \(403\): .* see docs/models.md"),
        (401, r"refuses mini's file \(401\)"),
        (418, r"answers 418"),
    ],
)
def test_what_is_final_is_asked_once(server: FileServer, part: Path, status: int, message: str) -> None:
    server.status["/file"] = status
    with pytest.raises(DownloadError, match=message):
        fetch(server, part)
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(server: FileServer, part: Path) -> None:
    server.status["/file"] = 503

    def progress(action: str, *_: object) -> None:
        server.status.clear()
        assert action in ("cut", "fetch")

    download.fetch(
        f"{server.address}/file",
        part,
        model="mini",
        name="file",
        size=len(CONTENT),
        progress=progress,
        cancelled=lambda: False,
    )
    assert part.read_bytes() == CONTENT


def test_a_server_that_stays_busy_is_given_up(server: FileServer, part: Path) -> None:
    server.status["/file"] = 503
    server.headers = {"Retry-After": "0"}
    with pytest.raises(DownloadError, match=r"stops at 0 of 1000000 bytes \(127.0.0.1 answers 503 .*\): pull again"):
        fetch(server, part)
    assert len(server.requests) == 5


def test_cuts_that_bring_nothing_are_given_up(server: FileServer, part: Path) -> None:
    server.cuts = [10] + [0] * 20
    with pytest.raises(DownloadError, match="stops at 10 of 1000000 bytes"):
        fetch(server, part)
    assert part.read_bytes() == CONTENT[:10]
    assert len(server.requests) == 6


def test_nobody_there_is_said_at_once(part: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = FileServer(address=f"http://127.0.0.1:{port}")
    with pytest.raises(
        DownloadError, match=r"no connection to 127.0.0.1 \(Connection refused\): is this machine online"
    ):
        fetch(gone, part)


def test_a_connection_that_brings_nothing_counts_as_cut(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_STALL_S", 0.2)
    server.gate = threading.Event()
    told = []

    def progress(action: str, _: str, have: int, __: int) -> None:
        told.append(action)
        if action == "cut":
            assert server.gate
            server.gate.set()

    download.fetch(
        f"{server.address}/file",
        part,
        model="mini",
        name="file",
        size=len(CONTENT),
        progress=progress,
        cancelled=lambda: False,
    )
    assert part.read_bytes() == CONTENT
    assert "cut" in told


def test_stopped_keeps_the_part(server: FileServer, part: Path) -> None:
    asked = iter(range(100))
    with pytest.raises(Stopped):
        fetch(server, part, cancelled=lambda: next(asked) >= 2)
    kept = part.read_bytes()
    assert 0 < len(kept) < len(CONTENT)
    assert CONTENT.startswith(kept)
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_full_disk_is_named(server: FileServer, part: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))  # as near to a full disk as a test may come
    try:
        with pytest.raises(DownloadError, match=f"file cannot be written to {part.parent}: File too large"):
            fetch(server, part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert CONTENT.startswith(part.read_bytes())


def test_headers_do_not_follow_to_another_host(server: FileServer, part: Path) -> None:
    server.add("a/b", "file", CONTENT)
    url = f"{server.address}{next(path for path in server.files if path.startswith('/a/b'))}"
    fetch(server, part, url=url, headers={"Authorization": "Bearer secret"})
    first, second = (headers for _, _, headers in server.requests)
    assert first["Authorization"] == "Bearer secret"
    assert "Authorization" not in second
    assert part.read_bytes() == CONTENT


def test_checksums(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello\n")  # git's figure is `git hash-object`'s
    told: dict[str, Any] = {"name": "file", "progress": lambda *_: None, "cancelled": lambda: False}
    assert download.digest(path, "git", **told) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert download.digest(path, "sha256", **told).startswith("5891b5b522d5df086d0ff0b110fbd9d2")
    with pytest.raises(Stopped):
        download.digest(path, "sha256", **told | {"cancelled": lambda: True})
