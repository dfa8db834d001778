"""What the tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("HEARTH_SHARED") or ROOT.parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of models and recordings beside the checkout (`HEARTH_SHARED`); without it the test is skipped."""
    if not (SHARED / "media").is_dir():
        pytest.skip(f"needs the recordings in {SHARED} (name another folder in HEARTH_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def standin() -> Callable[[str], Path]:
    """Return where a model with random weights lies, such as "whisper-tiny"; without it the test is skipped."""

    def find(name: str) -> Path:
        path = ROOT / ".standins" / name
        if not path.exists():
            pytest.skip(f"needs {path.relative_to(ROOT)}: script/standins makes it")
        return path

    return find
