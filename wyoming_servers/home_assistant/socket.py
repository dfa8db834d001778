"""Home Assistant's WebSocket API: one connection, commands and their results, events.

As in Home Assistant 2026.11 (`homeassistant/components/websocket_api`). It sends `auth_required`, we `auth`, and it
`auth_ok` or `auth_invalid`; a command has an id that grows, and is answered by a `result` with that id; an event
carries the id of the subscription.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from wyoming_servers.home_assistant.errors import CommandFailed, HassBanned, HassError, HassRefused

CONNECT_S = 10.0
"""To connect and to be let in."""

COMMAND_S = 30.0
"""A small computer takes some seconds to tell of 5,000 entities."""

MOST_BYTES = 64 * 1024 * 1024
"""Of one message: an entity takes about a kilobyte of `get_states`, and some attributes are long lists."""

_HEARTBEAT_S = 30.0
"""A connection whose other end does not answer a ping is over."""


class Socket:
    """An open connection; made by `connect`."""

    def __init__(self, stream: aiohttp.ClientWebSocketResponse, version: str) -> None:
        self.version = version
        """Home Assistant's."""
        self._stream = stream
        self._numbers = 0
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._commands: dict[int, str] = {}
        self._stirred = asyncio.Event()
        self._over: HassError | None = None

    async def ask(self, command: str, **fields: Any) -> Any:
        """Return the result of a command. Raises `CommandFailed`, or `HassError` where the connection is over."""
        if self._over is not None:
            raise self._over
        self._numbers += 1
        number, answer = self._numbers, asyncio.get_running_loop().create_future()
        self._results[number] = answer
        self._commands[number] = command
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._stream.send_str(json.dumps({"id": number, "type": command, **fields}))
                return await answer
        except TimeoutError:
            raise HassError(f"Home Assistant did not answer '{command}' within {COMMAND_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._over or HassError(f"the connection to Home Assistant ended: {error}") from None
        finally:
            self._results.pop(number, None)
            self._commands.pop(number, None)

    async def event(self) -> None:
        """Wait for an event of any subscription since the last call. Raises `HassError` when the connection is over."""
        await self._stirred.wait()
        if self._over is not None:
            raise self._over
        self._stirred.clear()

    async def read(self) -> None:
        """Take what comes, until the connection is over."""
        why = HassError("Home Assistant closed the connection")
        try:
            async for message in self._stream:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(message.data)
            if isinstance(error := self._stream.exception(), aiohttp.WebSocketError):
                why = HassError(f"Home Assistant's WebSocket went wrong: {error}")
        except HassError as error:
            why = error
        finally:
            self._end(why)

    def _take(self, text: str) -> None:
        message = _decoded(text)
        number = message.get("id")
        if message.get("type") == "event":
            self._stirred.set()
        elif message.get("type") == "result" and isinstance(number, int) and number in self._results:
            answer = self._results[number]
            if answer.done():
                return
            if message.get("success") is True:
                answer.set_result(message.get("result"))
            else:
                error = message.get("error")
                error = error if isinstance(error, dict) else {}
                code, said = str(error.get("code", "an error"))[:60], str(error.get("message", "no message"))[:300]
                answer.set_exception(CommandFailed(self._commands[number], code, said))

    def _end(self, why: HassError) -> None:
        self._over = why
        for answer in self._results.values():
            if not answer.done():
                answer.set_exception(why)
        self._stirred.set()


@asynccontextmanager
async def connect(session: aiohttp.ClientSession, url: str, token: str) -> AsyncIterator[Socket]:
    """Connect to the Home Assistant at `url` (http or https) for the length of a block.

    Raises `HassRefused` for a token that it does not accept, `HassBanned`, and `HassError` for everything else; none of
    them ever has the token in it.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            stream = await session.ws_connect(
                f"{url}/api/websocket", max_msg_size=MOST_BYTES, heartbeat=_HEARTBEAT_S, autoping=True
            )
    except TimeoutError:
        raise HassError(f"{url} did not answer within {CONNECT_S:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise unreachable(url, error) from None
    try:
        try:
            async with asyncio.timeout(CONNECT_S):
                socket = Socket(stream, await _authorize(stream, url, token))
        except TimeoutError:
            raise HassError(f"{url} did not let us in within {CONNECT_S:g} s") from None
        reading = asyncio.create_task(socket.read())
        try:
            yield socket
        finally:
            reading.cancel()
            await asyncio.wait([reading])
    finally:
        with suppress(aiohttp.ClientError, OSError):
            await stream.close()


async def _authorize(stream: aiohttp.ClientWebSocketResponse, url: str, token: str) -> str:
    """Show the token; return Home Assistant's version."""
    hello = await _first(stream, url)
    if hello.get("type") != "auth_required":
        raise HassError(f"{url} is no Home Assistant: it began with {str(hello.get('type'))[:60]!r}")
    await stream.send_str(json.dumps({"type": "auth", "access_token": token}))
    answer = await _first(stream, url)
    if answer.get("type") == "auth_invalid":
        raise HassRefused(str(answer.get("message"))[:200])
    if answer.get("type") != "auth_ok":
        raise HassError(f"{url} answered the token with {str(answer.get('type'))[:60]!r}")
    return str(answer.get("ha_version"))[:40]


async def _first(stream: aiohttp.ClientWebSocketResponse, url: str) -> dict[str, Any]:
    message = await stream.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise HassError(f"{url} ended the connection before we were let in")
    return _decoded(message.data)


def _decoded(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise HassError(f"Home Assistant sent what is not JSON: {text[:60]!r}") from None
    if not isinstance(message, dict):
        raise HassError(f"Home Assistant sent what is no message: {text[:60]!r}")
    return message


def unreachable(url: str, error: Exception) -> HassError:
    """Return what an error of aiohttp means, in words for people."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return HassError(
                f"the certificate of {url} is not trusted here ({error.certificate_error}); use the name that it was"
                " made for, or name the authority's file in SSL_CERT_FILE"
            )
        case aiohttp.ClientSSLError():
            return HassError(f"{url} does not speak TLS as it should ({error}); is it http:// instead?")
        case aiohttp.WSServerHandshakeError(status=403):
            return HassBanned(
                f"{url} has banned this machine's address after wrong tokens: take it out of ip_bans.yaml in Home"
                " Assistant's config folder, and restart Home Assistant"
            )
        case aiohttp.WSServerHandshakeError(status=status):
            return HassError(
                f"{url} is no Home Assistant, or a proxy before it lets no WebSocket through: it answered"
                f" /api/websocket with HTTP status {status}"
            )
        case OSError():
            return HassError(f"{url} cannot be reached: {error.strerror or error}")
    return HassError(f"{url} cannot be reached: {str(error)[:200]}")
