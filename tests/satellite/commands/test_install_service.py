"""What `hearth install-service` writes; script/check-services has it work on a Debian with systemd."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from satellite import cli


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation of an ordinary user who is not root."""
    program = tmp_path / "bin" / "hearth"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for name in [name for name in os.environ if name.startswith("HEARTH_")]:
        monkeypatch.delenv(name)
    return str(program)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["install-service", "--print", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["install-service", *arguments]) != 0
    error = capsys.readouterr().err
    assert error.startswith("hearth: ")
    assert error.count("\n") == 1
    return error


def test_options_are_the_services(capsys: pytest.CaptureFixture[str], installed: str) -> None:
    text = shown(capsys, "satellite", "--mic-command", "arecord -D 'a $b'", "--volume=50")
    assert f"ExecStart={installed} satellite --mic-command \"arecord -D 'a $$b'\" --volume=50\n" in text
    assert f"WorkingDirectory=-{Path.cwd()}\n" in text
    assert "WantedBy=default.target" in text
    assert "User=" not in text


@pytest.mark.parametrize(
    ("command", "unit"),
    [
        ([], "hearth.service"),
        (["up", "--lan"], "hearth.service"),
        (["satellite"], "hearth-satellite.service"),
        (["serve", "asr", "--uri", "tcp://0.0.0.0:10300"], "hearth-server@asr.service"),
    ],
)
def test_each_has_a_name(command: list[str], unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert unit in shown(capsys, *command)


def test_a_service_of_the_machine_runs_as_the_installations_owner(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.chown(tmp_path, 65534, -1) if os.getuid() == 0 else pytest.skip("needs root")
    text = shown(capsys, "--system", "serve", "vad", "--uri", f"unix://{tmp_path}/vad")
    assert "User=nobody\n" in text
    assert "/.local/share/hearth\n" in text
    assert f"ReadWritePaths=-{tmp_path}\n" in text


def test_variables_are_the_services_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_MIC_COMMAND", "arecord -t raw")
    assert 'Environment="HEARTH_MIC_COMMAND=arecord -t raw"\n' in shown(capsys, "satellite")


def test_secrets_belong_into_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_MQTT_PASSWORD", "sesame")
    error = refused(capsys, "--print", "satellite")
    assert "named in HEARTH_MQTT_PASSWORD_FILE" in error
    assert "sesame" not in error


@pytest.mark.parametrize("words", [["--hass-token", "sesame"], ["--mqtt-password=sesame"]])
def test_nor_into_the_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "--print", "up", *words)
    assert "write it into a file" in error
    assert "sesame" not in error


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--system"], "sudo"),
        (["dance"], "there are: up, satellite, serve vad"),
        (["serve"], "there are: up, satellite, serve vad"),
        (["--print", "satellite", "--voice", "a\0b"], "NUL"),
    ],
)
def test_what_cannot_be(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert word in refused(capsys, *arguments)


def test_wrong_options_are_found_now(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["install-service", "satellite", "--volume", "loud"])
    assert ended.value.code == 2
    assert "hearth satellite: argument --volume" in capsys.readouterr().err


def test_without_systemd_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine is run by systemd")
    assert "not run by systemd; --print shows" in refused(capsys)


def test_without_an_installation_there_is_nothing_to_start(capsys: pytest.CaptureFixture[str], installed: str) -> None:
    Path(installed).unlink()
    assert "install Hearth with pip" in refused(capsys, "--print")
