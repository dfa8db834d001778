"""What `script/check-arm64` makes of pip's answers; pip itself asks a small index of our own."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from script.check_arm64 import SYSTEMS, Package, PipError, check, faults, requirements

BOOKWORM, TRIXIE = SYSTEMS
PI = {"platform_machine": "aarch64", "python_version": "3.11", "python_full_version": "3.11.2"}

AddWheel = Callable[..., None]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddWheel]:
    """Return a function that adds a wheel to the index that pip asks."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    def add(name: str, tags: str = "py3-none-any", version: str = "1.0", needs: Sequence[str] = ()) -> None:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        info = f"{name}-{version}.dist-info"
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(folder / f"{name}-{version}-{tags}.whl", "w") as file:
            file.writestr(f"{info}/METADATA", head + "".join(f"Requires-Dist: {text}\n" for text in needs))
            file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")
            file.writestr(f"{info}/RECORD", "")

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        yield add
        server.shutdown()
        thread.join()


def test_tags_reach_from_manylinux2014_to_the_systems_own_c_library() -> None:
    assert BOOKWORM.platforms[0] == "manylinux_2_36_aarch64"
    assert TRIXIE.platforms[0] == "manylinux_2_41_aarch64"
    assert BOOKWORM.platforms[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    assert len(BOOKWORM.platforms) == 36 - 17 + 2


def test_extras_that_name_extras_are_followed() -> None:
    project = {
        "name": "wyoming-hearth",
        "dependencies": ["a"],
        "optional-dependencies": {
            "x": ["b>=1"],
            "y": ["wyoming-hearth[x,all]", "c"],
            "all": ["wyoming-hearth[y]", "a"],
        },
    }
    assert requirements(["all"], project) == ["a", "c", "b>=1"]
    assert requirements([], project) == ["a"]


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("b-1-py3-none-any.whl", ""),
        ("b-1-py3-none-manylinux_2_35_aarch64.whl", ""),
        ("b-1-py3-none-manylinux2014_aarch64.whl", ""),
        ("b-1-py3-none-manylinux_2_38_aarch64.whl", "is no wheel"),
        ("b-1-py3-none-manylinux2014_x86_64.whl", "is no wheel"),
        ("b-1.tar.gz", "is no wheel"),
        ("file:///wheels/b-1-py3-none-any.whl", "is no wheel"),
    ],
)
def test_what_counts_as_a_wheel(file: str, fault: str) -> None:
    found = faults(["b"], [Package("b", "1", file)], PI, BOOKWORM.platforms)
    assert list(found) == (["b"] if fault else [])
    assert fault in "".join(found.values())


def test_what_pip_leaves_out_is_noticed() -> None:
    needs = (
        'b; platform_machine == "aarch64"',
        'c; platform_machine == "x86_64"',
        'd[e]; extra == "f"',
        'g; extra == "h"',
    )
    a = Package("A", "1", "a-1-py3-none-any.whl", needs)
    assert list(faults(["a"], [a], PI, BOOKWORM.platforms)) == ['b; platform_machine == "aarch64"']
    assert set(faults(["a[f]"], [a], PI, BOOKWORM.platforms)) == {needs[0], needs[2]}
    assert list(faults(["a>=2"], [a], PI, BOOKWORM.platforms)) == ["a>=2"]
    assert list(faults(["a"], [a], PI | {"platform_machine": "x86_64"}, BOOKWORM.platforms)) == ["aarch64"]


def test_pip_reads_markers_as_the_pi_does(wheel: AddWheel) -> None:
    wheel(
        "a",
        needs=['b; platform_machine == "aarch64"', 'c; platform_machine != "aarch64"', 'd; python_version < "3.12"'],
    )
    wheel("b", "py3-none-manylinux_2_35_aarch64")
    wheel("d", "cp311-cp311-manylinux2014_aarch64")
    found = check(["a"], BOOKWORM)
    assert [package.name for package in found.packages] == ["a", "b", "d"]
    assert not found.missing
    assert [package.name for package in check(["a"], TRIXIE).packages] == ["a", "b"]


def test_each_that_has_no_wheel_is_named(wheel: AddWheel) -> None:
    wheel("a", needs=["b"])
    wheel("b", "py3-none-manylinux_2_28_x86_64")
    wheel("c", "py3-none-manylinux_2_41_aarch64")
    wheel("d")
    found = check(["a", "c", "d"], BOOKWORM)
    assert [package.name for package in found.packages] == ["d"]
    assert list(found.missing) == ["a", "c"]
    assert "No matching distribution found for b" in found.missing["a"]


def test_an_older_version_does_not_do(wheel: AddWheel) -> None:
    wheel("a", "py3-none-manylinux_2_38_aarch64", version="2.0")
    wheel("a", version="1.0")
    wheel("b")
    assert list(check(["a>=2", "b"], BOOKWORM).missing) == ["a>=2"]


def test_no_index_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(PipError):
        check(["a", "b"], BOOKWORM)
