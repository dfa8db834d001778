"""Ask pip whether everything that Hearth needs has a wheel for 64-bit Raspberry Pi OS, so that nothing is compiled.

The satellite and the embedded servers must have one for each package, with all that these need in turn; where one is
missing it is named and the exit status is 1. The neural engines are looked at as well, and only told of. Nothing is
installed. pip is asked with its usual index (or that of PIP_INDEX_URL) alone: a folder or another index may hold what
somebody built. With --json, a line a package, {"system", "needed", "name", "version", "file"}, and one for each that is
missing, {"system", "needed", "missing", "why"}.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

ROOT: Final = Path(__file__).parent.parent

MUST: Final = ("pymicro-wakeword>=2",)
"""Asked for whatever pyproject.toml says: where no wheel of 2 fits, pip takes 1.0.0 and says nothing."""

NEURAL: Final = "neural"
"""The extra that names those which may lack a wheel."""

_PIP_S = 300.0

_PIP = """
import platform, sys
version = sys.argv[1]
platform.machine = lambda: "aarch64"
platform.python_version = lambda: version
platform.python_version_tuple = lambda: tuple(version.split("."))
from pip._internal.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
"""pip that takes this machine for the other. Its --platform chooses among files, but a requirement's marker
(`; platform_machine == "aarch64"`) is read on the machine where pip runs."""


@dataclass(frozen=True)
class System:
    """What one release of Raspberry Pi OS brings."""

    name: str
    python: str
    """Version of its Python"""

    glibc: int
    """Its C library is 2.this"""

    @property
    def platforms(self) -> list[str]:
        """Tags of the wheels that run there, the newest first; manylinux2014 is another name of manylinux_2_17."""
        return [*(f"manylinux_2_{minor}_aarch64" for minor in range(self.glibc, 16, -1)), "manylinux2014_aarch64"]


SYSTEMS: Final = (System("bookworm", "3.11.2", 36), System("trixie", "3.13.5", 41))


@dataclass(frozen=True)
class Package:
    """A file that pip would install."""

    name: str
    version: str
    file: str
    requires: tuple[str, ...] = ()


@dataclass
class Answer:
    """What pip would install for some requirements on one system."""

    packages: list[Package] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Why, by requirement."""


class PipError(Exception):
    """pip finds no wheels, or cannot look for them; the message is its own."""


def requirements(extras: Iterable[str], project: dict[str, Any]) -> list[str]:
    """Return what the project needs with these extras, extras that name others followed; `project` is pyproject's."""
    found = list(project["dependencies"])
    waiting, seen = list(extras), set()
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        for text in project["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if canonicalize_name(requirement.name) == project["name"]:
                waiting += sorted(requirement.extras)
            elif text not in found:
                found.append(text)
    return found


def check(wanted: Sequence[str], system: System) -> Answer:
    """Return the wheels for `wanted`, and what has none; raises `PipError` where pip cannot look."""
    try:
        return _proven(wanted, system)
    except PipError as error:
        together = str(error)
    # One by one, to name what is missing; pip names the first alone.
    missing: dict[str, str] = {}
    for text in wanted:
        try:
            _resolve([text], system)
        except PipError as error:
            missing[text] = str(error)
    if not missing:
        raise PipError(f"each requirement has wheels, but not all together: {together}")
    if len(missing) == len(wanted):
        raise PipError(together)
    answer = _proven([text for text in wanted if text not in missing], system)
    answer.missing |= missing
    return answer


def _proven(wanted: Sequence[str], system: System) -> Answer:
    packages, environment = _resolve(wanted, system)
    return Answer(packages, faults(wanted, packages, environment, system.platforms))


def _resolve(wanted: Sequence[str], system: System) -> tuple[list[Package], dict[str, str]]:
    """Return what pip would install for `wanted`, and the environment for which it read the markers."""
    with tempfile.TemporaryDirectory(prefix="hearth-arm64-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-P", "-c", _PIP, system.python, "install", "--dry-run", "--ignore-installed"]
        command += ["--quiet", "--no-input", "--disable-pip-version-check", f"--report={report}", f"--target={folder}"]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={system.python}"]
        command += [f"--platform={tag}" for tag in system.platforms]
        aside = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL")
        environment = {name: value for name, value in os.environ.items() if name not in aside}
        environment["PIP_CONFIG_FILE"] = os.devnull
        try:
            done = subprocess.run(
                [*command, *wanted], capture_output=True, text=True, timeout=_PIP_S, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            raise PipError(f"pip was not done after {_PIP_S:g} s") from None
        if done.returncode:
            errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
            raise PipError(errors[-1] if errors else done.stderr.strip() or f"pip ended with {done.returncode}")
        told = json.loads(report.read_text(encoding="utf-8"))
    packages = []
    for item in told["install"]:
        metadata, url = item["metadata"], item["download_info"]["url"]
        file = url if url.startswith("file:") else url.rpartition("/")[2]
        packages.append(Package(metadata["name"], metadata["version"], file, tuple(metadata.get("requires_dist", ()))))
    return sorted(packages, key=lambda package: canonicalize_name(package.name)), told["environment"]


def faults(
    wanted: Iterable[str], packages: Iterable[Package], environment: dict[str, str], platforms: Sequence[str]
) -> dict[str, str]:
    """Go through all that `wanted` needs in `environment`; return what `packages` lacks, with why, a line a package.

    It trusts pip in nothing: each requirement whose marker is true there must be met by a wheel from an index, for one
    of `platforms` or for any.
    """
    if environment["platform_machine"] != "aarch64":
        return {"aarch64": f"pip read the markers for {environment['platform_machine']}"}
    by_name = {canonicalize_name(package.name): package for package in packages}
    waiting = [(Requirement(text), "", "Hearth") for text in wanted]
    seen: set[tuple[str, str]] = set()
    found: dict[str, tuple[str, str]] = {}
    while waiting:
        requirement, extra, who = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        package = by_name.get(name)
        if package is None:
            found.setdefault(name, (str(requirement), f"{who} needs it, and pip has left it out"))
        elif not requirement.specifier.contains(package.version, prereleases=True):
            found.setdefault(name, (str(requirement), f"{who} needs it, and pip would install {package.version}"))
        elif not _is_wheel_for(package.file, platforms):
            found.setdefault(name, (str(requirement), f"{package.file} is no wheel from an index that runs there"))
        else:
            for choice in ("", *sorted(requirement.extras)):
                if (name, choice) not in seen:
                    seen.add((name, choice))
                    waiting += [(Requirement(text), choice, package.name) for text in package.requires]
    return dict(found.values())


def _is_wheel_for(file: str, platforms: Sequence[str]) -> bool:
    if file.startswith("file:"):
        return False  # lies on this machine, which proves nothing
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return False
    return any(tag.platform in {"any", *platforms} for tag in tags)


def main(argv: Sequence[str] | None = None) -> int:
    """Look, tell, and return the exit status: 0 all is there, 1 something is missing or pip cannot look."""
    parser = argparse.ArgumentParser(prog="script/check-arm64", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    args = parser.parse_args(argv)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    neural = {NEURAL, *(name for text in extras[NEURAL] for name in Requirement(text).extras)}
    wanted = {
        True: [*requirements([name for name in extras if name not in {*neural, "dev"}], project), *MUST],
        False: requirements([NEURAL], project),
    }
    jobs = [(system, needed) for needed in wanted for system in SYSTEMS]
    try:
        with ThreadPoolExecutor(len(SYSTEMS)) as pool:  # pip waits for the network most of the time
            answers = list(pool.map(lambda job: check(wanted[job[1]], job[0]), jobs))
    except PipError as error:
        sys.stderr.write(f"check-arm64: {error}\n")
        return 1
    tell = _tell_json if args.json else _tell
    for (system, needed), answer in zip(jobs, answers, strict=True):
        tell(system, needed, answer)
    return int(any(answer.missing for (_, needed), answer in zip(jobs, answers, strict=True) if needed))


def _tell_json(system: System, needed: bool, answer: Answer) -> None:
    told: dict[str, Any] = {"system": system.name, "needed": needed}
    for package in answer.packages:
        _print(json.dumps(told | {"name": package.name, "version": package.version, "file": package.file}))
    for text, why in answer.missing.items():
        _print(json.dumps(told | {"missing": text, "why": why}))


def _tell(system: System, needed: bool, answer: Answer) -> None:
    what = "satellite and embedded servers" if needed else "neural engines (which may lack a wheel)"
    _print(f"{system.name}, Python {system.python}, glibc 2.{system.glibc}, aarch64: {what}")
    width = max(map(len, (*answer.missing, *(package.name for package in answer.packages))))
    for package in answer.packages:
        if needed:
            tags = package.file.removesuffix(".whl").split("-", 2)[2]
            _print(f"  ok       {package.name:{width}}  {package.version:12}  {tags}")
    for text, why in answer.missing.items():
        _print(f"  MISSING  {text:{width}}  {why}")
    _print(f"  {len(answer.packages)} wheels, {len(answer.missing)} missing\n")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
