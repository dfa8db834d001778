"""What the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of models and recordings beside the checkout (`HEARTH_SHARED`); without it the test is skipped."""
    folder = Path(os.environ.get("HEARTH_SHARED") or ROOT.parent / "shared")
    if not (folder / "media").is_dir():
        pytest.skip(f"needs the recordings in {folder} (name another folder in HEARTH_SHARED)")
    return folder
