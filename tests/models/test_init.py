"""What holds for all engines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_onnxruntime_tells_nobody(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'wyoming-hearth[onnx]'")
    # Where it would tell, it first makes a number for this machine and a store for what it tells.
    program = [sys.executable, "-c", "import models, onnxruntime; onnxruntime.get_available_providers()"]
    subprocess.run(program, env={"HOME": str(tmp_path)}, cwd=Path(__file__).parents[2], check=True)
    assert not list(tmp_path.iterdir())
