from __future__ import annotations

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.kokoro import phrases
from models.kokoro.phrases import MOST_CHARACTERS, Phrases

PCM = bytes(range(200))
MEGABYTE = 1_000_000


def open_phrases(folder: Path, most_bytes: int = MEGABYTE, voice: str = "kokoro 1") -> Phrases:
    return Phrases(folder / "phrases", most_bytes, voice)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "phrases").glob("*")) + sorted((folder / "phrases").glob(".*"))


def keep(kept: Phrases, text: str, pcm: bytes = PCM, voice: str = "anna") -> None:
    kept.put(text, voice, pcm)
    assert kept.get(text, voice) == pcm


def test_said_once_it_is_in_memory_and_said_twice_on_disk(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path)
    assert kept.get("It is on.", "anna") is None
    kept.put("It is on.", "anna", PCM)
    assert files(tmp_path) == []
    assert kept.get("It is on.", "anna") == PCM
    assert len(files(tmp_path)) == 1
    assert kept.get("It is on.", "anna") == PCM
    assert open_phrases(tmp_path).get("It is on.", "anna") == PCM


def test_only_the_same_sound_is_the_same(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path)
    keep(kept, "It is on.")
    assert kept.get("It is on.", "emma") is None
    assert kept.get("It is off.", "anna") is None
    assert open_phrases(tmp_path, voice="kokoro 2").get("It is on.", "anna") is None


def test_files_are_the_owners_and_tell_nothing_by_their_names(tmp_path: Path) -> None:
    keep(open_phrases(tmp_path), "It is on.")
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(file.name) == 64


def test_what_is_long_is_not_kept(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path)
    keep(kept, "x" * MOST_CHARACTERS)
    kept.put("x" * (MOST_CHARACTERS + 1), "anna", PCM)
    assert kept.get("x" * (MOST_CHARACTERS + 1), "anna") is None


def test_zero_bytes_keep_none(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path, most_bytes=0)
    kept.put("It is on.", "anna", PCM)
    assert kept.get("It is on.", "anna") is None
    assert not (tmp_path / "phrases").exists()


def test_what_was_not_said_for_longest_goes(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path, most_bytes=3 * (len(PCM) + 4))
    for age, text in ((30, "one"), (20, "two"), (10, "three")):
        keep(kept, text)
        newest = max(files(tmp_path), key=lambda file: file.stat().st_mtime)
        os.utime(newest, (newest.stat().st_atime, newest.stat().st_mtime - age))
    assert kept.get("one", "anna") == PCM  # said again: now "two" is the oldest
    keep(kept, "four")
    assert [kept.get(text, "anna") is not None for text in ("one", "two", "three", "four")] == [True, False, True, True]
    assert len(files(tmp_path)) == 3


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "MEMORY_BYTES", 2 * len(PCM))
    kept = open_phrases(tmp_path)
    for text in ("one", "two", "three"):
        kept.put(text, "anna", PCM)
    kept.put("large", "anna", PCM * 3)
    assert kept.get("large", "anna") is None
    assert [kept.get(text, "anna") is not None for text in ("one", "two", "three")] == [False, True, True]


@pytest.mark.parametrize("damage", [b"", b"abc", b"\0" * 204, PCM])
def test_a_damaged_file_is_removed(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    keep(open_phrases(tmp_path), "It is on.")
    (file,) = files(tmp_path)
    file.write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert open_phrases(tmp_path).get("It is on.", "anna") is None
    assert "damaged" in caplog.text
    assert "It is on" not in caplog.text
    assert files(tmp_path) == []


def test_where_nothing_can_be_written_it_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "phrases").write_text("a file, no folder")
    kept = open_phrases(tmp_path)
    keep(kept, "It is on.")
    assert "cannot be kept" in caplog.text
    assert kept.get("It is on.", "anna") == PCM  # from memory


def test_odd_texts(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path)
    for text in ("\ud800", "\0", "", "😀", "../../etc/passwd"):
        keep(kept, text)
    assert len(files(tmp_path)) == 5


def test_many_threads(tmp_path: Path) -> None:
    kept = open_phrases(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: keep(kept, f"It is {number}."), range(100)))
    assert len(files(tmp_path)) == 100
