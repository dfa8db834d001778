from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from satellite.commands.broker import check_broker
from satellite.commands.checks import State
from satellite.mqtt.options import add_mqtt_options
from wyoming_servers.wire.options import Parser

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'wyoming-hearth[mqtt]'")

from tests.satellite.mqtt.broker import mosquitto


def parse(*arguments: str) -> Namespace:
    parser = Parser(prog="doctor")
    add_mqtt_options(parser)
    return parser.parse_args(list(arguments))


async def test_a_broker_that_answers_and_one_that_does_not(tmp_path: Path) -> None:
    assert await check_broker(parse()) == []
    async with mosquitto(tmp_path) as broker:
        options = ("--mqtt-host", "127.0.0.1", "--mqtt-port", str(broker.port))
        (finding,) = await check_broker(parse(*options))
        assert (finding.check, finding.state, finding.remedy) == ("mqtt", State.OK, "")
        (finding,) = await check_broker(parse(*options, "--mqtt-password", "x"))
        assert finding.state is State.FAULT
    (finding,) = await check_broker(parse(*options))
    assert finding.state is State.FAULT
    assert "Connection refused" in finding.text
    assert finding.remedy
