"""Starts Hearth inside Home Assistant's app: makes options of hearth of what the user has set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OPTIONS = Path("/data/options.json")
CONFIG = Path("/config")
"""The app's own folder, /addon_configs/…_hearth on the host."""


def commands(options: dict[str, Any], config: Path) -> list[list[str]]:
    """Return what to run, one after the other: the models' download, and the house."""
    up = ["hearth", "up", "--lan", "--http", "10190"]
    up += [f"--engine={engine}" for engine in options.get("engines", [])]
    if options.get("keep_alive"):
        up.append(f"--keep-alive={options['keep_alive']}")
    if options.get("debug"):
        up.append("--debug")
    if (config / "house.yaml").is_file():
        up.append(f"--config={config / 'house.yaml'}")
    if (config / "custom_sentences").is_dir():
        up.append(f"--custom-sentences={config / 'custom_sentences'}")
    if "SUPERVISOR_TOKEN" in os.environ:
        up.append("--hass-url=http://supervisor/core")
    models = options.get("models", [])
    return [["hearth", "models", "pull", *models], up] if models else [up]


def main() -> None:
    """Run them. Where a model cannot be fetched, the house starts without it."""
    try:
        options = json.loads(OPTIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"hearth: the Supervisor's {OPTIONS} cannot be read: {error}")
    *before, last = commands(options, CONFIG)
    for command in before:
        if subprocess.run(command, check=False).returncode:
            sys.stderr.write("hearth: not all models are here; starting without them\n")
    token = {"HEARTH_HASS_TOKEN": os.environ["SUPERVISOR_TOKEN"]} if "SUPERVISOR_TOKEN" in os.environ else {}
    os.execvpe(last[0], last, os.environ | token)  # noqa: S606 - the options are a list, no shell reads them


if __name__ == "__main__":
    main()
