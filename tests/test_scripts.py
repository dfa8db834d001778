"""The scripts are sound, and work from any folder."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = [
    *sorted(path for path in (ROOT / "script").iterdir() if path.is_file() and not path.suffix),
    ROOT / ".ci" / "run",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_is_sound(script: Path) -> None:
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert not re.search(r"https?://", text)
    subprocess.run(["bash", "-n", script], check=True)


def test_setup_has_nothing_to_do_twice(tmp_path: Path) -> None:
    stamp = ROOT / ".venv" / ".installed-dev"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if not stamp.exists() or not stamp.read_text().startswith(wanted):
        pytest.skip("needs a .venv that script/setup made for this pyproject.toml")
    done = subprocess.run([ROOT / "script" / "setup"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "setup: .venv is ready\n"
    assert not done.stderr
