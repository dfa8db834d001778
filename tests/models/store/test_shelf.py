"""Pulling, checking and removing, against a server of this machine whose connections break."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models import store
from models.engine import EngineError, EngineUnavailable
from models.store import StoreError, catalog, download
from models.store.download import DownloadError, Mismatch, Stopped
from tests.models.store.file_server import REVISION
from tests.models.store.shelf import CONFIG, REPO, VOICES, WEIGHTS, Shelf, stocked

_PULL = """
import sys
from pathlib import Path
from models import store
from models.store import catalog
models = catalog.load(Path(sys.argv[1]))
catalog.models = lambda: models
from satellite.cli import main
sys.exit(main(["models", "pull", *sys.argv[2:]]))
"""
"""A process that pulls from the tests' catalogue."""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with stocked(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSE_S", 0.01)


@contextmanager
def pulling(shelf: Shelf, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _PULL, str(shelf.catalogue), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Any) -> None:
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_a_model_of_the_hub(shelf: Shelf) -> None:
    assert store.path("hub-mini") is None
    folder = store.pull("hub-mini")
    assert folder == shelf.hub / "snapshots" / REVISION == store.path("hub-mini")
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "model.bin").resolve() == shelf.blob  # as huggingface_hub keeps it
    assert store.verify("hub-mini") == []
    assert not shelf.part.exists()


def test_huggingface_hub_finds_what_was_pulled(shelf: Shelf) -> None:
    from huggingface_hub import snapshot_download

    folder = store.pull("hub-mini")
    cache = shelf.cache / "huggingface" / "hub"
    assert snapshot_download(REPO, revision=REVISION, cache_dir=cache, local_files_only=True) == str(folder)


def test_what_huggingface_hub_fetched_needs_no_pull(shelf: Shelf) -> None:
    from huggingface_hub import hf_hub_download

    for name in ("model.bin", "config.json"):
        cache = shelf.cache / "huggingface" / "hub"
        hf_hub_download(REPO, name, revision=REVISION, cache_dir=cache, endpoint=shelf.server.address)
    assert store.path("hub-mini") is not None
    asked = len(shelf.server.requests)
    store.pull("hub-mini")
    assert len(shelf.server.requests) == asked


def test_a_model_from_elsewhere(shelf: Shelf) -> None:
    assert store.pull("release-mini") == shelf.release / "voices.bin" == store.path("release-mini")
    assert (shelf.release / "voices.bin").read_bytes() == VOICES
    assert (shelf.release / "labels.txt").read_text() == "one\ntwo\n"
    assert sorted(path.name for path in shelf.release.iterdir()) == ["labels.txt", "voices.bin"]
    assert store.verify("release-mini") == []


@pytest.mark.parametrize(("name", "size"), [("hub-mini", len(WEIGHTS)), ("release-mini", len(VOICES))])
def test_cut_five_times_it_ends_in_a_verified_file(shelf: Shelf, name: str, size: int) -> None:
    told: list[Any] = []
    shelf.server.cuts = [10, size // 3, 1, size // 4, 1000]
    store.pull(name, progress=lambda *what: told.append(what))
    assert [what[0] for what in told].count("cut") == 5
    assert not shelf.server.cuts
    assert store.verify(name) == []


@pytest.mark.parametrize("name", ["hub-mini", "release-mini"])
def test_wrong_bytes_are_refused_and_named(shelf: Shelf, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, path = ("model.bin", f"/{REPO}/resolve/{REVISION}/model.bin") if name == "hub-mini" else (
        "voices.bin", "/voices.bin")  # fmt: skip
    good = shelf.server.files[path]
    real = download.fetch

    def one_byte_changes(url: str, part: Path, **options: Any) -> None:
        real(url, part, **options)
        if path in url:
            part.write_bytes(part.read_bytes()[:-1] + bytes([good[-1] ^ 1]))

    monkeypatch.setattr(download, "fetch", one_byte_changes)
    with pytest.raises(Mismatch, match=f"{name}'s {file} from 127.0.0.1 has wrong bytes and was thrown away"):
        store.pull(name)
    assert store.path(name) is None
    assert not shelf.part.exists()
    assert not shelf.blob.exists()
    monkeypatch.setattr(download, "fetch", real)
    store.pull(name)
    assert store.verify(name) == []


def test_wrong_bytes_on_the_server(shelf: Shelf) -> None:
    shelf.server.files["/voices.bin"] = VOICES[:-1] + bytes([VOICES[-1] ^ 1])
    with pytest.raises(Mismatch, match=r"release-mini's voices.bin from 127.0.0.1 has wrong bytes"):
        store.pull("release-mini")
    assert not (shelf.release / "voices.bin").exists()


def test_a_hub_that_has_another_file_is_told_before_the_first_byte(shelf: Shelf) -> None:
    shelf.write(sha256="0" * 64)
    with pytest.raises(Mismatch, match=r"hub-mini's model.bin at 127.0.0.1 is not the file of the catalogue"):
        store.pull("hub-mini")
    assert all("model.bin" not in path for method, path, _ in shelf.server.requests if method == "GET")


def test_a_hub_without_a_checksum_of_ours_is_held_to_its_own(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    real = download.fetch

    def changed(url: str, part: Path, **options: Any) -> None:
        real(url, part, **options)
        if "config.json" in url:
            part.write_bytes(CONFIG.upper())

    monkeypatch.setattr(download, "fetch", changed)
    with pytest.raises(Mismatch, match=r"hub-mini's config.json"):
        store.pull("hub-mini")


@pytest.mark.parametrize("etag", ["../../../../evil", "", "x" * 64])
def test_a_server_that_is_no_hub(shelf: Shelf, etag: str) -> None:
    shelf.server.headers = {"X-Linked-ETag": etag, "ETag": etag}
    with pytest.raises(EngineError, match="does not answer like the Hugging Face Hub: is HF_ENDPOINT right"):
        store.pull("hub-mini")
    assert not (shelf.cache.parent / "evil").exists()


def test_a_full_disk_is_told_before_the_first_byte(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(shelf.cache.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3_000_000))
    for name, variable in (("hub-mini", "HF_HUB_CACHE"), ("release-mini", "XDG_CACHE_HOME")):
        message = f"{name} needs .* MB in {shelf.cache}.*, where 3 MB are free: make room, .* {variable}"
        with pytest.raises(StoreError, match=message):
            store.pull(name)
    assert shelf.server.requests == []


def test_what_is_there_already_needs_no_room(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    store.pull("hub-mini")
    usage = shutil.disk_usage(shelf.cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    store.pull("hub-mini")


def test_the_next_address_is_tried(shelf: Shelf) -> None:
    shelf.write(urls=[f"{shelf.server.address}/gone", f"{shelf.server.address}/voices.bin"])
    store.pull("release-mini")
    assert store.verify("release-mini") == []


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "GatedRepo", f"{REPO} wants its terms accepted: .*/{REPO}, then set HF_TOKEN or run: hf auth login"),
        (401, "RepoNotFound", r"127.0.0.1 no longer has hub-mini's config.json \(404\): update Hearth"),
        (404, "EntryNotFound", r"no longer has hub-mini's config.json \(404\)"),
        (404, "RevisionNotFound", r"no longer has hub-mini's config.json \(404\)"),
        (500, "", r"answers 500 for hub-mini's config.json: try again later"),
        (403, "", r"refuses hub-mini's config.json \(403\)"),
    ],
)
def test_what_the_hub_says(shelf: Shelf, status: int, code: str, message: str) -> None:
    shelf.server.status[f"/{REPO}/resolve/{REVISION}/config.json"] = status
    shelf.server.headers = {"X-Error-Code": code}
    with pytest.raises(DownloadError, match=message) as caught:
        store.pull("hub-mini")
    assert "\n" not in str(caught.value)


def test_no_connection(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    shelf.write(urls=["http://127.0.0.1:9/voices.bin"])
    for name in ("hub-mini", "release-mini"):
        with pytest.raises(DownloadError, match=r"no connection to 127.0.0.1 \(.*refused\): .* docs/models.md"):
            store.pull(name)


def test_the_token_goes_to_the_hub_alone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    store.pull("hub-mini")
    for _, path, headers in shelf.server.requests:
        assert (headers.get("Authorization", headers.get("authorization")) is None) == path.startswith("/moved/")


def test_local_files_only(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in store.names():
        with pytest.raises(StoreError, match=f"{name} is not here"):
            store.pull(name, local_files_only=True)
    assert shelf.server.requests == []
    store.pull("hub-mini")
    asked = len(shelf.server.requests)
    assert store.pull("hub-mini", local_files_only=True) == store.path("hub-mini")
    shelf.blob.write_bytes(WEIGHTS[:-1] + b"?")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(StoreError, match=r"model.bin is damaged: its sha256 checksum is wrong: pull without"):
        store.pull("hub-mini")
    assert len(shelf.server.requests) == asked


@pytest.mark.parametrize("damage", [WEIGHTS[:-1] + b"?", WEIGHTS[:1000], None])
def test_damage_is_named_and_pulled_again(shelf: Shelf, damage: bytes | None) -> None:
    store.pull("hub-mini")
    if damage is None:
        shelf.blob.unlink()
    else:
        shelf.blob.write_bytes(damage)
    (found,) = store.verify("hub-mini")
    assert found.file == "model.bin"
    assert found.what.startswith("missing" if damage is None else "damaged")
    assert (store.path("hub-mini") is None) == (damage is None or len(damage) < len(WEIGHTS))
    store.pull("hub-mini")
    assert store.verify("hub-mini") == []


def test_a_small_file_of_the_hub_is_verified_too(shelf: Shelf) -> None:
    folder = store.pull("hub-mini")
    (folder / "config.json").resolve().write_bytes(CONFIG.upper())
    assert [damage.file for damage in store.verify("hub-mini")] == ["config.json"]


def test_stopped_and_resumed(shelf: Shelf) -> None:
    def half_way(*_: object) -> bool:
        return shelf.part.exists() and shelf.part.stat().st_size > 1_000_000

    with pytest.raises(Stopped):
        store.pull("hub-mini", cancelled=half_way)
    assert store.path("hub-mini") is None
    assert WEIGHTS.startswith(shelf.part.read_bytes())
    kept = shelf.part.stat().st_size
    store.pull("hub-mini")
    assert shelf.server.requests[-2][2]["Range"] == f"bytes={kept}-"  # the last one is a look by huggingface_hub
    assert store.verify("hub-mini") == []


def test_a_process_that_is_interrupted_leaves_one_line_and_a_part(shelf: Shelf) -> None:
    shelf.server.gate, shelf.server.gated = threading.Event(), "model.bin"
    with pulling(shelf, "hub-mini") as process:
        until(lambda: shelf.part.exists() and shelf.part.stat().st_size == len(WEIGHTS) // 2)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert error.splitlines()[-1] == "hearth: stopped; to go on from what is here: hearth models pull hub-mini"
    assert "Traceback" not in error
    shelf.server.gate.set()
    asked = len(shelf.server.requests)
    store.pull("hub-mini")
    later = [headers.get("Range") for _, _, headers in shelf.server.requests[asked:]]
    assert f"bytes={len(WEIGHTS) // 2}-" in later
    assert store.verify("hub-mini") == []


def test_a_process_that_is_killed_leaves_nothing_wrong(shelf: Shelf) -> None:
    shelf.server.gate = threading.Event()
    with pulling(shelf, "release-mini"):
        part = shelf.release / "voices.bin.part"
        until(lambda: part.exists() and part.stat().st_size == len(VOICES) // 2)
    shelf.server.gate.set()
    assert store.path("release-mini") is None
    store.pull("release-mini")
    assert store.verify("release-mini") == []


def test_two_pulls_at_once_fetch_once(shelf: Shelf) -> None:
    shelf.server.gate = threading.Event()
    with pulling(shelf, "release-mini") as first:
        until(lambda: shelf.server.bodies() == 1)
        with pulling(shelf, "release-mini") as second:
            assert second.stderr is not None
            assert "another process pulls release-mini: waiting for it" in second.stderr.readline()
            with pytest.raises(StoreError, match="release-mini is being pulled: stop that first"):
                store.remove("release-mini")
            shelf.server.gate.set()
            for process in (first, second):
                out, _ = process.communicate(timeout=60)
                assert process.returncode == 0
                assert out.strip() == str(shelf.release / "voices.bin")
    assert shelf.server.bodies() == 1
    assert store.verify("release-mini") == []


def test_one_who_waits_can_be_stopped(shelf: Shelf) -> None:
    shelf.server.gate = threading.Event()
    waits: list[str] = []
    with pulling(shelf, "release-mini"):
        until(lambda: shelf.server.bodies() == 1)
        with pytest.raises(Stopped):
            store.pull("release-mini", progress=lambda action, *_: waits.append(action), cancelled=lambda: bool(waits))
    assert waits == ["wait"]


def test_remove(shelf: Shelf) -> None:
    for name in store.names():
        with pytest.raises(StoreError, match=f"{name} is not here"):
            store.remove(name)
        store.pull(name)
    assert store.remove("hub-mini") == len(WEIGHTS) + len(CONFIG)
    assert not shelf.hub.exists()
    assert store.path("hub-mini") is None
    assert store.path("release-mini") is not None
    store.remove("release-mini")
    assert not shelf.release.exists()


def test_remove_takes_what_was_begun(shelf: Shelf) -> None:
    shelf.part.parent.mkdir(parents=True)
    shelf.part.write_bytes(b"x" * 1000)
    assert store.remove("hub-mini") == 1000
    assert not shelf.hub.exists()


def test_remove_leaves_what_another_commit_uses(shelf: Shelf) -> None:
    store.pull("hub-mini")
    other = shelf.hub / "snapshots" / ("f" * 40)
    other.mkdir()
    (other / "model.bin").symlink_to(f"../../blobs/{shelf.blob.name}")
    store.remove("hub-mini")
    assert (other / "model.bin").read_bytes() == WEIGHTS
    assert [path.name for path in (shelf.hub / "snapshots").iterdir()] == [other.name]
    store.pull("hub-mini")
    assert all("model.bin" not in path for method, path, _ in shelf.server.requests[-3:] if method == "GET")


def test_a_damaged_blob_of_another_commit_is_replaced(shelf: Shelf) -> None:
    store.pull("hub-mini")
    other = shelf.hub / "snapshots" / ("f" * 40)
    other.mkdir()
    (other / "model.bin").symlink_to(f"../../blobs/{shelf.blob.name}")
    shelf.blob.write_bytes(WEIGHTS[:-1] + b"?")
    store.pull("hub-mini")
    assert store.verify("hub-mini") == []
    assert (other / "model.bin").read_bytes() == WEIGHTS


@pytest.mark.parametrize(("name", "package"), [("hub-mini", "huggingface_hub"), ("release-mini", "pooch")])
def test_a_package_that_is_not_installed(
    shelf: Shelf, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    extra = "whisper" if name == "hub-mini" else "kokoro"
    with pytest.raises(EngineUnavailable, match=rf"to pull {name}: pip install 'wyoming-hearth\[{extra}\]'"):
        store.pull(name)
    assert store.path(name) is None


def test_a_cache_that_is_a_file(shelf: Shelf) -> None:
    shelf.cache.write_text("")
    for name in store.names():
        assert store.path(name) is None
        with pytest.raises(StoreError, match="cannot be written: Not a directory"):
            store.pull(name)


@pytest.mark.parametrize("name", ["hub-mni", "../hub-mini", "/etc/passwd", ""])
def test_names_that_are_not_in_the_catalogue(shelf: Shelf, name: str) -> None:
    for act in (store.path, store.pull, store.verify, store.remove):
        with pytest.raises(StoreError, match="there is no model"):
            act(name)
    assert shelf.server.requests == []


class Where(NamedTuple):
    variables: dict[str, str]
    hub: str
    own: str


@pytest.mark.parametrize(
    "where",
    [
        Where({}, "~/.cache/huggingface/hub", "~/.cache/hearth/models"),
        Where({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub", "/x/hearth/models"),
        Where({"XDG_CACHE_HOME": "/x", "HF_HOME": "/h"}, "/h/hub", "/x/hearth/models"),
        Where({"HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/o"}, "/o", "~/.cache/hearth/models"),
        Where({"HF_HOME": "/h", "HF_HUB_CACHE": "~/c"}, "~/c", "~/.cache/hearth/models"),
        Where({"HF_HUB_CACHE": "$HOME/c"}, "~/c", "~/.cache/hearth/models"),
    ],
)
def test_the_usual_variables_name_the_caches(where: Where) -> None:
    pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: script/setup --neural")
    code = (
        "from models.store.places import *\nimport os\nprint(hub_cache(), own_cache())\n"
        "from huggingface_hub import constants\nassert constants.HF_HUB_CACHE == str(hub_cache())"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | where.variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(Path(path).expanduser()) for path in (where.hub, where.own)]


def test_the_shipped_catalogue_needs_no_network_to_be_asked() -> None:
    for name in store.names():
        store.path(name)
    assert store.names("onnx")[0] == "mobilenetv2"
    assert hashlib.sha256(catalog.models()["yolox-nano"].files[1].text.encode()).hexdigest()
