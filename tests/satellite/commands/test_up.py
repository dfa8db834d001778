"""Which servers `hearth up` starts, and how."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from satellite import cli
from satellite.commands.common import PORTS
from satellite.commands.up import add_options, house_programs


def options(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("job", PORTS)
def test_ports_are_the_servers_own(job: str) -> None:
    assert importlib.import_module(f"wyoming_servers.{job}").JOB.port == PORTS[job]


def test_servers_listen_here_alone_unless_told_otherwise() -> None:
    uris = [program.uri for program in house_programs(options())]
    assert uris == [f"tcp://127.0.0.1:{port}" for port in PORTS.values()]
    uris = [program.uri for program in house_programs(options("--lan", "--port", "asr=4711"))]
    assert uris == [f"tcp://0.0.0.0:{port}" for port in (PORTS | {"asr": 4711}).values()]


def test_only_who_knows_the_house_is_told_of_it() -> None:
    args = options("--config", "h.yaml", "--custom-sentences", "a", "--custom-sentences", "b", "--data-dir", "d")
    for program in house_programs(args):
        told = [option for option in program.command if option.startswith(("--config", "--custom-sentences"))]
        knows = program.job in {"asr", "handle"}
        assert told == (["--config=h.yaml", "--custom-sentences=a", "--custom-sentences=b"] if knows else [])
        assert "--data-dir=d" in program.command
        assert "--zeroconf" in program.command


def test_home_assistant_is_told_to_who_knows_the_house_and_its_token_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEARTH_HASS_TOKEN_FILE", str(tmp_path / "token"))
    (tmp_path / "token").write_text("of.the.file")
    args = options("--hass-url", "https://ha.lan:8123/", "--hass-token", "secret")
    for program in house_programs(args):
        knows = program.job in {"asr", "handle"}
        assert ("--hass-url=https://ha.lan:8123" in program.command) == knows
        assert "secret" not in repr(program)
        told = {"HEARTH_HASS_TOKEN_FILE": "", "HEARTH_HASS_TOKEN": "secret"}
        assert program.secrets == (told if knows else {})
    args = options("--hass-url", "https://ha.lan:8123/", "--hass-token", "of.the.file")
    assert not any(program.secrets for program in house_programs(args))


@pytest.mark.parametrize(
    "url", ["ha.lan:8123", "ftp://ha", "http://", "http://ha:port", "http://u:p@ha", "http://ha?x"]
)
def test_an_address_that_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--hass-url", url)
    assert "like http://homeassistant.local:8123" in capsys.readouterr().err


def test_health_of_each_at_a_port_of_its_own() -> None:
    told = [program.command[-1] for program in house_programs(options("--http", "0.0.0.0:9100"))]
    assert told == [f"--http=0.0.0.0:{9101 + number}" for number in range(len(PORTS))]
    assert not any("--http" in part for program in house_programs(options()) for part in program.command)


@pytest.mark.parametrize("port", ["asr", "ear=1", "asr=x", "asr=0", "asr=65536", "asr=-1"])
def test_a_port_that_cannot_be(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["up", f"--port={port}"])
    assert ended.value.code == 2
    assert "it takes JOB=PORT, like asr=10301" in capsys.readouterr().err
