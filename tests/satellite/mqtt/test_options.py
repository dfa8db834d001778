from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from satellite.mqtt.link import MqttError
from satellite.mqtt.options import add_mqtt_options, broker_of
from wyoming_servers.wire.options import Parser


def parse(*arguments: str) -> Namespace:
    parser = Parser(prog="satellite")
    add_mqtt_options(parser)
    return parser.parse_args(list(arguments))


def test_there_is_none_unless_one_is_named() -> None:
    assert broker_of(parse()) is None
    assert broker_of(parse("--mqtt-host", "")) is None


def test_the_broker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broker = broker_of(parse("--mqtt-host", "pi"))
    assert broker is not None
    assert (broker.host, broker.port, broker.username, broker.tls) == ("pi", 1883, None, None)
    (tmp_path / "password").write_text("geheim: ü\n")
    monkeypatch.setenv("HEARTH_MQTT_PASSWORD_FILE", str(tmp_path / "password"))
    broker = broker_of(parse("--mqtt-host", "pi", "--mqtt-username", "me", "--mqtt-tls"))
    assert broker is not None
    assert (broker.port, broker.password) == (8883, "geheim: ü")
    assert broker.tls is not None
    assert broker.tls.check_hostname
    assert "geheim" not in f"{broker} {broker!r}"
    broker = broker_of(parse("--mqtt-host", "pi", "--mqtt-username", "me", "--mqtt-tls", "--mqtt-port", "1"))
    assert broker is not None
    assert broker.port == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mqtt-password", "x"], "a password needs a name: --mqtt-username"),
        (["--mqtt-ca-file", "x"], "only with --mqtt-tls"),
        (["--mqtt-tls", "--mqtt-ca-file", "/no/ca.pem"], "from /no/ca.pem: No such file"),
        (["--mqtt-tls", "--mqtt-ca-file", __file__], "it holds none"),
    ],
)
def test_what_does_not_fit_together(arguments: list[str], message: str) -> None:
    with pytest.raises(MqttError, match=message):
        broker_of(parse("--mqtt-host", "pi", *arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--mqtt-discovery-prefix", wrong] for wrong in ("#", "a/+", "", "/a", "a/", "a b", "a" * 201)),
        *(["--mqtt-port", wrong] for wrong in ("0", "65536", "-1", "mqtt")),
    ],
)
def test_what_cannot_be(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*arguments)
    assert ended.value.code == 2
    assert "takes" in capsys.readouterr().err
