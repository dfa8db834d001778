"""discover and trust, with a server that really advertises itself on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from satellite.commands import trust as trust_command
from satellite.network.trust import Trust
from tests.satellite.commands.conftest import Hearth


@pytest.fixture(scope="module")
def advertised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name of a vad server that can be found."""
    name = f"test-{tmp_path_factory.getbasetemp().name}"
    command = [sys.executable, "-P", "-m", "wyoming_servers.vad", "--uri", "tcp://127.0.0.1:0", "--zeroconf", name]
    process = subprocess.Popen([*command, "--data-dir", str(tmp_path_factory.mktemp("data"))])
    yield name
    process.terminate()
    assert process.wait(timeout=60) == 0


def test_discover_lists_it(advertised: str, hearth: Hearth) -> None:
    _, found, error = hearth("discover", "--seconds", "4")
    (server,) = [server for server in found if server["name"] == advertised]
    assert server["jobs"] == ["vad"]
    assert server["uri"].startswith("tcp://127.0.0.1:")
    assert (server["where"], server["use"]) == ("here", True)
    assert not error


def test_a_server_of_this_machine_needs_no_trust(advertised: str, hearth: Hearth) -> None:
    status, printed, error = hearth("trust", advertised)
    assert (status, printed) == (1, [])
    assert "is on this machine" in error


def test_whom_nobody_knows_is_not_trusted(hearth: Hearth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_command, "_LOOK_S", 0.1)
    status, printed, error = hearth("trust", "nobody")
    assert (status, printed) == (1, [])
    assert "no server 'nobody' is found" in error


def test_trust_is_listed_and_taken_back(hearth: Hearth, tmp_path: Path) -> None:
    assert hearth("trust") == (0, [], "hearth: nobody is trusted; servers of this machine need no trust\n")
    Trust.kept_in(tmp_path).add("0123", "kitchen")
    status, (entry,), _ = hearth("trust")
    assert (status, entry["id"], entry["name"]) == (0, "0123", "kitchen")
    assert hearth("trust", "--remove", "kitchen")[0] == 0
    status, printed, error = hearth("trust", "--remove", "kitchen")
    assert (status, printed) == (1, [])
    assert "'kitchen' is not trusted" in error
    assert hearth("trust", "--remove")[0] == 2
