from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from satellite.network.trust import Trust, Trusted, TrustError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hearth" / "trusted.json"


def test_nobody_is_trusted_at_first(path: Path) -> None:
    trust = Trust(path)
    assert not trust.trusts("a")
    assert trust.entries() == []
    assert not path.exists()


def test_add_is_remembered_by_id(path: Path) -> None:
    added = Trust(path).add("id1", "küche")
    again = Trust(path)
    assert again.trusts("id1")
    assert not again.trusts("küche")
    assert again.entries() == [added]
    assert added.name == "küche"


def test_adding_twice_keeps_the_first(path: Path) -> None:
    trust = Trust(path)
    first = trust.add("id1", "kitchen")
    assert trust.add("id1", "other") == first
    assert len(trust.entries()) == 1


@pytest.mark.parametrize("by", ["kitchen", "id1"])
def test_remove_by_name_or_id(path: Path, by: str) -> None:
    trust = Trust(path)
    trust.add("id1", "kitchen")
    trust.add("id2", "hall")
    assert trust.remove(by).id == "id1"
    assert not trust.trusts("id1")
    assert trust.trusts("id2")


def test_removing_a_stranger_says_who_is_trusted(path: Path) -> None:
    trust = Trust(path)
    trust.add("id1", "kitchen")
    with pytest.raises(TrustError, match="'cellar' is not trusted; trusted are: kitchen"):
        trust.remove("cellar")


def test_what_another_process_changes_is_seen(path: Path) -> None:
    watching = Trust(path)
    assert not watching.trusts("id1")
    other = Trust(path)
    other.add("id1", "kitchen")
    assert watching.trusts("id1")
    other.remove("id1")
    assert not watching.trusts("id1")
    path.unlink()
    assert not watching.trusts("id1")


def test_the_file_is_for_its_owner_and_for_people(path: Path) -> None:
    Trust(path).add("id1", "kitchen")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert len(text.splitlines()) > 4
    assert json.loads(text)["trusted"][0]["name"] == "kitchen"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"trusted": [\n{"id": }]}', "line 2"),
        ("", "line 1"),
        ("[]", "no list of trusted servers"),
        ('{"trusted": 5}', "no list of trusted servers"),
        ('{"trusted": [{"name": "x"}]}', "no list of trusted servers"),
        ("[" * 100_000, "no list of trusted servers"),
        ("\udcff", "no list of trusted servers"),
    ],
)
def test_a_broken_file_trusts_nobody_and_is_named(
    path: Path, text: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    Trust(path).add("id1", "kitchen")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    trust = Trust(path)
    assert not trust.trusts("id1")
    assert not trust.trusts("id1")
    assert str(path) in caplog.text
    assert len(caplog.records) == 1
    for change in (trust.entries, lambda: trust.add("id2", "hall"), lambda: trust.remove("id1")):
        with pytest.raises(TrustError, match=told):
            change()
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trust = Trust(tmp_path / "file" / "trusted.json")
    assert not trust.trusts("id1")
    with pytest.raises(TrustError, match=r"trusted\.json cannot be written"):
        trust.add("id1", "kitchen")


def test_many_at_once_lose_nothing(path: Path) -> None:
    threads = [threading.Thread(target=lambda n=n: Trust(path).add(f"id{n}", f"name{n}")) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.id for entry in Trust(path).entries()} == {f"id{n}" for n in range(12)}


def test_an_entry_written_by_hand_needs_no_date(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"trusted": [{"id": "id1", "name": "kitchen"}]}')
    assert Trust(path).entries() == [Trusted("id1", "kitchen", "")]
