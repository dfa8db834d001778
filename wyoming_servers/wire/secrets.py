"""Values that not everybody may know: which options and variables hold them, and the environment without them.

A command line can be read by everybody on the machine, an environment by the same user and by all that a process
starts. So they are best in a file that a variable names (HEARTH_HASS_TOKEN_FILE); and what we start is not given them
unless it needs them.
"""

from __future__ import annotations

import os
import re

_SECRET = re.compile(r"(HEARTH_\w*|SUPERVISOR_|HASSIO_|HF_)(TOKEN|PASSWORD)")


def variable_of(option: str) -> str:
    """Return the environment variable of an option, HEARTH_DATA_DIR for --data-dir."""
    return "HEARTH_" + option.removeprefix("--").upper().replace("-", "_")


def is_secret(variable: str) -> bool:
    """Return whether an environment variable holds one, ours or one that others give us."""
    return _SECRET.fullmatch(variable) is not None


def without_secrets() -> dict[str, str]:
    """Return our environment for a process that we start and that needs none of them."""
    return {name: value for name, value in os.environ.items() if not is_secret(name)}
