from __future__ import annotations

import pytest

from wyoming_servers.wire.options import Parser
from wyoming_servers.wire.secrets import is_secret, variable_of, without_secrets

SECRETS = ["HEARTH_HASS_TOKEN", "HEARTH_MQTT_PASSWORD", "SUPERVISOR_TOKEN", "HF_TOKEN"]
OTHERS = ["HEARTH_HASS_TOKEN_FILE", "HEARTH_URI", "TOKENIZERS_PARALLELISM", "PATH"]


def test_what_is_secret() -> None:
    assert all(map(is_secret, SECRETS))
    assert not any(map(is_secret, OTHERS))
    assert is_secret(variable_of("--hass-token"))
    assert not is_secret(variable_of("--mic-command"))


def test_an_environment_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, *OTHERS):
        monkeypatch.setenv(name, "sesame")
    environment = without_secrets()
    assert not environment.keys() & set(SECRETS)
    assert environment.keys() >= set(OTHERS)


def test_that_a_command_line_can_be_read_is_said_without_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="hearth up")
    parser.add_argument("--hass-token")
    assert parser.parse_args(["--hass-token=sesame"]).hass_token == "sesame"
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("hearth up: --hass-token can be read by everybody on this machine")
    assert "HEARTH_HASS_TOKEN_FILE" in error
    assert "sesame" not in error


def test_one_from_the_environment_is_no_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = Parser()
    parser.add_argument("--hass-token")
    monkeypatch.setenv("HEARTH_HASS_TOKEN_FILE", "")
    monkeypatch.setenv("HEARTH_HASS_TOKEN", "sesame")
    assert parser.parse_args([]).hass_token == "sesame"
    assert not capsys.readouterr().err
