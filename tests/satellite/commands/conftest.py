"""Real servers for the commands to ask, each started when a test first wants it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from satellite import cli
from wyoming_servers.wire import WireError, describe

Hearth = Callable[..., tuple[int, list[Any], str]]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Return the URI of a server for a job."""
    folder = tmp_path_factory.mktemp("servers")
    processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(job: str) -> str:
        uri = f"unix://{folder}/{job}"
        if job not in processes:
            command = [sys.executable, "-P", "-m", f"wyoming_servers.{job}", "--uri", uri, "--data-dir", str(folder)]
            processes[job] = subprocess.Popen(command)
            for _ in range(600):
                try:
                    asyncio.run(describe(uri))
                    break
                except WireError:
                    assert processes[job].poll() is None
                    time.sleep(0.1)
        return uri

    yield start
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        assert process.wait(timeout=60) == 0


@pytest.fixture
def hearth(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Hearth:
    """Run a command in this process; return its status, the objects that it printed, and what it said beside them."""

    def run(name: str, *arguments: str | Path) -> tuple[int, list[Any], str]:
        words: Sequence[str] = [str(argument) for argument in arguments]
        status = cli.main([name, "--json", "--data-dir", str(tmp_path), *words])
        out, error = capsys.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], error

    return run
