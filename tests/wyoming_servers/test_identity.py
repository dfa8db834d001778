from __future__ import annotations

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wyoming_servers.identity import IdentityError, host_id


def test_the_id_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    first = host_id(folder)
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert host_id(folder) == first
    assert stat.S_IMODE((folder / "id").stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [folder / "id"]


def test_every_folder_has_its_own(tmp_path: Path) -> None:
    assert host_id(tmp_path / "a") != host_id(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"not an id\n", b"0" * 33, b"0" * 10_000_000])
def test_a_broken_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "id").write_bytes(content)
    first = host_id(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert host_id(tmp_path) == first


@pytest.mark.parametrize("content", [None, b""])
def test_servers_that_start_together_agree(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "id").write_bytes(content)
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: host_id(tmp_path), range(32)))) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityError, match=r"file/id: Not a directory; choose a folder .* --data-dir"):
        host_id(tmp_path / "file")
    (tmp_path / "id").mkdir()
    with pytest.raises(IdentityError, match="Is a directory"):
        host_id(tmp_path)
