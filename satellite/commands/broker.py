"""Whether the MQTT broker that the options name can be used, for `hearth doctor`."""

from __future__ import annotations

import os
from argparse import Namespace

from satellite.mqtt.link import MqttError, connect
from satellite.mqtt.options import broker_of

from .checks import Finding, State


async def check_broker(args: Namespace) -> list[Finding]:
    """Connect to the broker, if one was named."""
    try:
        broker = broker_of(args)
        if broker is None:
            return []
        async with connect(broker, f"hearth-doctor-{os.getpid()}"):
            return [Finding("mqtt", State.OK, f"the broker at {broker} answers")]
    except MqttError as error:
        remedy = "see that it runs there, and --mqtt-host, --mqtt-port and the other options of MQTT"
        return [Finding("mqtt", State.FAULT, f"{args.mqtt_host}: {error}", remedy)]
