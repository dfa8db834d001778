"""Units as systemd reads them; script/check-services has systemd start them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from satellite.services.unit import Unit, argument, escape, quote

DEPLOYED = Path(__file__).parents[3] / "deploy" / "systemd"


def deployed() -> dict[str, str]:
    """Return the units of an installation in /opt/hearth, options in files; no pins, for not all have them."""
    units = [
        _unit("hearth.service", "all servers and a satellite", "up", file="up"),
        _unit("hearth-satellite.service", "satellite", "satellite", file="satellite"),
        _unit("hearth-server@.service", "JOB server", "serve", "JOB", file="JOB"),
    ]
    return {unit.name: unit.text().replace("JOB", "%i") for unit in units}


def _unit(name: str, what: str, *command: str, file: str) -> Unit:
    return Unit(
        name,
        f"Hearth: {what}",
        ("/opt/hearth/bin/hearth", *command),
        environment_file=f"/etc/hearth/{file}.conf",
        devices=command[0] != "serve",
        groups=("audio", "video"),
    )


def test_deployed_units_are_what_is_written_today() -> None:
    assert {path.name: path.read_text() for path in DEPLOYED.iterdir()} == deployed()


@pytest.mark.parametrize("user", [None, "pi"])
@pytest.mark.parametrize("devices", [False, True])
def test_systemd_finds_them_well_closed(user: str | None, devices: bool, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    folder = Path("/home/pi/.local/share/hearth")
    unit = Unit("x.service", "x", ("/bin/true",), user=user, devices=devices, writable=[folder])
    (tmp_path / unit.name).write_text(unit.text())
    program = [analyze, "security", "--offline=true", "--no-pager", str(tmp_path / unit.name)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    rating = done.stdout.strip().rpartition("\n")[2]
    assert rating.split()[-2] in {"PERFECT", "SAFE", "OK"}, rating + done.stderr


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("plain/path-1.wav", "plain/path-1.wav"),
        ("two words", '"two words"'),
        ("", '""'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "hi"', '"say \\"hi\\""'),
        ("it's", '"it\'s"'),
        ("back\\slash", '"back\\\\slash"'),
        ("two\nlines", '"two\\x0alines"'),
        (";", '";"'),
        ("grün 🏡", '"grün 🏡"'),
        ("\udcff", '"\\xff"'),
    ],
)
def test_arguments_arrive_as_they_are(given: str, written: str) -> None:
    assert argument(given) == written


def test_only_arguments_know_variables() -> None:
    assert quote("A=$x") == "A=$x"
    assert escape("50 %\n") == "50 %%\\x0a"


@pytest.mark.parametrize("program", ["/a$b/hearth", "/a\\b", "/a'b", "/a\nb"])
def test_a_program_that_systemd_cannot_start_is_refused(program: str) -> None:
    with pytest.raises(ValueError, match="without \\$, quotes and backslashes"):
        Unit("a.service", "a", (program,)).text()


def test_no_argument_holds_a_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Unit("a.service", "a", ("/bin/true", "a\0b")).text()


if __name__ == "__main__":  # python -m tests.satellite.test_unit writes deploy/systemd anew
    for name, text in deployed().items():
        (DEPLOYED / name).write_text(text)
