"""The connection to a broker: kept for ever, made again whenever it is lost, and never waited for by anybody."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from satellite.retry import Retry
from satellite.tasks import beside
from wyoming_servers.wire import BadValue
from wyoming_servers.wire.background import Background

from .discovery import OFFLINE
from .outbox import Outbox

if TYPE_CHECKING:
    from aiomqtt import Client, Message

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)

_LIBRARY = logging.getLogger("satellite.mqtt.aiomqtt")
_LIBRARY.addFilter(
    lambda record: (
        record.levelno < logging.WARNING
        or (record.exc_info is not None and not record.getMessage().startswith("Unexpected message ID"))
    )
)
"""aiomqtt tells of each message of a flood that it drops, and of each answer that nobody waits for any more; paho of
each connection that is lost, which we tell."""

KEEPALIVE_S = 20
"""A broker that is not heard of for so long has gone. One that has not heard of us for half as long again publishes the
will."""

ANSWER_S = 5.0
"""How long a broker may take to answer."""

REFUSED_S = 60.0
"""How long to wait before a broker is asked again that refused us: only somebody who changes a setting helps."""

_THREAD_S = 0.01
"""What aiomqtt's thread that connects wanted of the loop has come by then; the socket has to be open for it."""

GOODBYE_S = 1.0
"""How long saying goodbye may take."""

MOST_BYTES = 16 * 1024
"""The largest message that we take; a broker keeps larger ones to itself."""

_WAITING_COMMANDS = 64

_COMMAND_BYTES = 64

_TIMED_OUT = "Operation timed out"

_CREDENTIALS = {134, 135}
_PROTOCOL = 132
"""Reasons of MQTT 5 for a refusal: bad user name or password, not authorized; unsupported protocol version."""

Command = Callable[[str], None]
"""Carries out what was published; raises `BadValue`, whose message says what would be right."""


class MqttError(Exception):
    """MQTT cannot be used; the message says why and what to do."""


class Refused(MqttError):
    """The broker is there and does not want us."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and who we are to it."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Link(Background):
    """Publishes what comes into `outbox` (QoS 1, retained), and hands what comes to the topics of `commands` to them.

    `availability` says `offline` once the connection is lost, or ended by leaving the block. Commands that a broker has
    kept (retained) are from the past and are ignored.
    """

    def __init__(
        self, broker: Broker, outbox: Outbox, commands: Mapping[str, Command], *, identifier: str, availability: str
    ) -> None:
        """`identifier` is the client's: unique on the broker, and the same after a restart. Raise `MqttError`."""
        check_aiomqtt()
        self._broker = broker
        self._outbox = outbox
        self._commands = commands
        self._identifier = identifier
        self._availability = availability
        self._told = ""
        self.connected = False
        """Whether the broker is there."""

    async def _run(self) -> None:
        retry = Retry()
        while True:
            try:
                async with connect(self._broker, self._identifier, self._availability) as client:
                    await self._serve(client)
            except Refused as error:
                self._tell(f"{error}; it is asked again every {REFUSED_S:g} s")
                await asyncio.sleep(REFUSED_S)
            except MqttError as error:
                self._tell(f"{error}; it is tried again")
                await retry.wait()
            except Exception:
                _LOGGER.exception("mqtt: unexpected")
                await asyncio.sleep(REFUSED_S)

    async def _serve(self, client: Client) -> None:
        self.connected, self._told = True, ""
        _LOGGER.info("mqtt: connected to %s", self._broker)
        try:
            await client.subscribe([(topic, 1) for topic in self._commands])
            self._outbox.again()
            await beside(self._receive(client), self._publish(client))
        except asyncio.CancelledError:
            client.timeout = GOODBYE_S
            with suppress(Exception):
                await client.publish(self._availability, OFFLINE, qos=1, retain=True)
            raise
        finally:
            self.connected = False

    async def _publish(self, client: Client) -> None:
        while True:
            topic, value = await self._outbox.take()
            try:
                await client.publish(topic, value, qos=1, retain=True)
            except BaseException:
                self._outbox.again_one(topic)
                raise

    async def _receive(self, client: Client) -> None:
        async for message in client.messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        topic = str(message.topic)
        command = self._commands.get(topic)
        if command is None:
            return
        payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
        try:
            if message.retain:
                raise BadValue("it was retained, so it is from the past; commands are published without retain")
            if len(payload) > _COMMAND_BYTES:
                raise BadValue(f"it has {len(payload)} bytes, and no command has more than {_COMMAND_BYTES}")
            command(payload.decode())
        except (BadValue, UnicodeError) as error:
            _LOGGER.error("mqtt: a message to %s is ignored: %s", topic, error)  # noqa: TRY400 - it says it all

    def _tell(self, text: str) -> None:
        """Say what is wrong, once for as long as it stays."""
        if text != self._told:
            self._told = text
            _LOGGER.warning("mqtt: %s: %s", self._broker, text)


def check_aiomqtt() -> None:
    """Raise `MqttError` where aiomqtt is not installed, which only who uses MQTT needs and loads."""
    try:
        import aiomqtt  # noqa: F401
    except ImportError as error:
        raise MqttError(f"MQTT needs aiomqtt ({error}): pip install 'wyoming-hearth[mqtt]'") from error


@asynccontextmanager
async def connect(broker: Broker, identifier: str, availability: str | None = None) -> AsyncIterator[Client]:
    """Yield a connection, whose loss says `offline` at the topic `availability`, where there is one.

    Raises `Refused`, or `MqttError` when there is no connection or it is lost. Speaks MQTT 5, as Home Assistant does:
    only there a broker can be told what is too large for us.
    """
    check_aiomqtt()
    import aiomqtt
    from aiomqtt.exceptions import MqttConnectError
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MOST_BYTES
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        tls_context=broker.tls,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        properties=properties,
        will=None if availability is None else aiomqtt.Will(availability, OFFLINE, qos=1, retain=True),
        logger=_LIBRARY,
        timeout=ANSWER_S,
        keepalive=KEEPALIVE_S,
        max_queued_incoming_messages=_WAITING_COMMANDS,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )

    async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
        awaited = asyncio.ensure_future(fut)
        try:
            done, _ = await asyncio.wait([awaited], timeout=client.timeout if timeout is None else timeout)
        finally:
            if not awaited.cancel() and not awaited.cancelled():
                awaited.exception()  # has been asked for, also where nobody waits any more
        if not done:
            raise aiomqtt.MqttError(_TIMED_OUT)
        return awaited.result()

    # aiomqtt's own is asyncio.wait_for, which before Python 3.12 forgets to be cancelled where what it waits for comes
    # at that moment: whoever cancelled would wait for ever.
    client._wait_for = wait_for  # type: ignore[method-assign]
    try:
        await _known(broker)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(client)
            except BaseException:
                paho = client._client
                # aiomqtt's own take it for granted that somebody waits.
                paho.on_connect = paho.on_disconnect = paho.on_socket_open = paho.on_socket_register_write = None
                await asyncio.sleep(_THREAD_S)
                paho.disconnect()
                raise
            yield client
    except MqttConnectError as error:
        raise Refused(f"the broker refuses us: {_reason(error)}{_remedy(error)}") from error
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        raise MqttError(_reason(error)) from error


async def _known(broker: Broker) -> None:
    """Ask for the broker's address: paho would do so in a thread that nobody can end, where the DNS does not answer."""
    try:
        async with asyncio.timeout(ANSWER_S):
            await asyncio.get_running_loop().getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise MqttError(f"nobody told the address of its name within {ANSWER_S:g} s") from None


def _reason(error: Exception) -> str:
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    text = re.sub(r"^\[(Errno |code:)?-?[0-9]+\] ", "", str(error)) or type(error).__name__
    if text in {"Unspecified error", "Disconnected during message iteration"}:
        return "the connection was lost"
    return f"no answer within {ANSWER_S:g} s" if text == _TIMED_OUT else text


def _remedy(error: Exception) -> str:
    code = getattr(getattr(error, "rc", None), "value", None)
    if code in _CREDENTIALS:
        return " (see --mqtt-username and --mqtt-password, or HEARTH_MQTT_PASSWORD_FILE)"
    return " (it must speak MQTT 5)" if code == _PROTOCOL else ""
