"""The options of MQTT, and what is made of them."""

from __future__ import annotations

import re
import ssl
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from camera.camera import Camera
from satellite.controls import Controls
from satellite.naming import slug
from wyoming_servers.identity import host_id
from wyoming_servers.wire.options import version, whole

from .device import Device
from .discovery import Topics
from .link import Broker, MqttError

_PORT = 1883
_TLS_PORT = 8883


def add_mqtt_options(parser: ArgumentParser) -> None:
    """Add where the broker is."""
    group = parser.add_argument_group("MQTT", "The satellite as a device of Home Assistant, through a broker (MQTT 5).")
    group.add_argument("--mqtt-host", metavar="HOST", help="the broker; there is no MQTT unless this is given")
    group.add_argument(
        "--mqtt-port", type=whole(1, 65_535), metavar="PORT", help=f"its port ({_PORT}, with TLS {_TLS_PORT})"
    )
    group.add_argument("--mqtt-username", metavar="NAME", help="who we are to it")
    group.add_argument(
        "--mqtt-password", metavar="PASSWORD", help="others on this machine can read it here, not in HEARTH_…_FILE"
    )
    group.add_argument("--mqtt-tls", action="store_true", help="encrypt, and check the broker's certificate")
    group.add_argument(
        "--mqtt-ca-file", metavar="PEM", help="the certificate that vouches for the broker's (the system's own)"
    )
    group.add_argument(
        "--mqtt-discovery-prefix",
        type=_prefix,
        default="homeassistant",
        metavar="TOPIC",
        help="where Home Assistant looks for devices (%(default)s)",
    )


def broker_of(args: Namespace) -> Broker | None:
    """Return the broker, if one was named. Raise `MqttError` for options that do not fit together."""
    if not args.mqtt_host:
        return None
    if args.mqtt_password is not None and args.mqtt_username is None:
        raise MqttError("a password needs a name: --mqtt-username")
    if args.mqtt_ca_file is not None and not args.mqtt_tls:
        raise MqttError("--mqtt-ca-file is of use only with --mqtt-tls")
    tls = None
    if args.mqtt_tls:
        try:
            tls = ssl.create_default_context(cafile=args.mqtt_ca_file)
        except OSError as error:
            reason = error.strerror if not isinstance(error, ssl.SSLError) and error.strerror else "it holds none"
            raise MqttError(f"there is no certificate to be had from {args.mqtt_ca_file}: {reason}") from error
    port = args.mqtt_port or (_TLS_PORT if args.mqtt_tls else _PORT)
    return Broker(args.mqtt_host, port, args.mqtt_username, args.mqtt_password, tls)


def open_device(args: Namespace, controls: Controls, camera: Camera | None) -> Device | None:
    """Return what tells the broker, if one was named. Raise `MqttError`, or `IdentityError` without a data folder."""
    broker = broker_of(args)
    if broker is None:
        return None
    # Satellites of one name on two machines are two.
    satellite = f"{slug(args.name)}-{host_id(args.data_dir)[:8]}"
    topics = Topics(satellite, args.mqtt_discovery_prefix)
    return Device(broker, topics, controls, name=args.name, version=version(), camera=camera)


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[^#+\s\x00/]+(/[^#+\s\x00/]+)*", text) or len(text) > 200:
        raise ArgumentTypeError(f"takes a topic without wildcards, such as homeassistant, not '{text}'")
    return text
