"""Keeps up with what Home Assistant says of the house, and never gives up.

It is asked anew after each change there (once things are quiet), every half hour, and after each reconnecting. While
it is away, the house is as it last was. A token that it does not accept is not shown again: each time counts there as
an attack, and may ban this machine's address.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from models.sentences.house import House
from wyoming_servers.home_assistant.cache import Cache
from wyoming_servers.home_assistant.errors import CommandFailed, HassBanned, HassError, HassRefused
from wyoming_servers.home_assistant.registry import EVENTS, Told, read_told
from wyoming_servers.home_assistant.socket import Socket, connect
from wyoming_servers.home_assistant.token import Token
from wyoming_servers.wire.background import Background

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often Home Assistant is asked, in seconds."""

    quiet: float = 2.0
    """Without a further change, before it is asked what has become of the house."""

    longest: float = 30.0
    """Where changes never end."""

    refresh: float = 1800.0
    """For what tells of no change, such as an entity of YAML that is exposed."""

    retries: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
    """Between tries to connect, the last one repeated; each up to a quarter shorter, so that servers come apart."""

    banned: float = 900.0

    token: float = 10.0
    """Between looks at the token's file, after it was refused."""


class HomeAssistant(Background):
    """One Home Assistant, for the length of an `async with` block."""

    def __init__(self, url: str, token: Token, house: House, cache: Cache, pace: Pace | None = None) -> None:
        """`house` is what is known without it; its floors, areas and names are replaced."""
        self.url = url
        self.token = token
        self.problem: str | None = None
        """Why it cannot be asked now, None where it can."""
        self.refused = False
        """True while it does not accept the token."""
        self._told = self._described = Told(house)
        self._cache = cache
        self._pace = pace or Pace()
        self._changed = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def house(self) -> House:
        """What it last told of the house."""
        return self._told.house

    @property
    def rooms(self) -> Mapping[str, str]:
        """The area in which a device or a satellite is, by its id."""
        return self._told.rooms

    async def __aenter__(self) -> Self:
        if (known := await asyncio.to_thread(self._cache.load, self.house)) is not None:
            self._told = known
        self.session = aiohttp.ClientSession()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            await self.session.close()

    async def tried(self, seconds: float) -> None:
        """Wait until it has told of the house for the first time, or could not; at most so many `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._tried.wait()
        except TimeoutError:
            _LOGGER.info("Home Assistant has not answered yet; it will be listened to when it does")
        self._changed.clear()

    async def changed(self) -> House:
        """Wait for the next change of `house` and return it; several changes may have become one."""
        await self._changed.wait()
        self._changed.clear()
        return self.house

    async def _run(self) -> None:
        failures = 0
        while True:
            wait = self._pace.retries[min(failures, len(self._pace.retries) - 1)]
            failures += 1
            try:
                async with connect(self.session, self.url, self.token.value) as socket:
                    await self._keep_up(socket)
            except HassRefused as error:
                self._trouble(
                    f"Home Assistant at {self.url} does not accept the token ({error}): {self.token.remedy}. Until"
                    f" then the house is as {'it last was' if self._told is not self._described else 'described here'}"
                )
                self.refused = True
                await self.token.changed(self._pace.token)
                self.refused = False
                failures = 0
            except HassError as error:
                if self.problem is None:
                    failures = 1  # it was well until now
                    wait = self._pace.retries[0]
                self._trouble(f"Home Assistant: {error}")
                await asyncio.sleep(self._pace.banned if isinstance(error, HassBanned) else _jittered(wait))
            except Exception:
                _LOGGER.exception("Home Assistant: unexpected error")
                await asyncio.sleep(self._pace.retries[-1])

    async def _keep_up(self, socket: Socket) -> None:
        """Learn of the house, and again after each change; ends with a `HassError`."""
        try:
            for event in EVENTS:
                await socket.ask("subscribe_events", event_type=event)
            while True:
                await self._learn(await read_told(socket, self._described.house), socket.version)
                await self._change(socket)
        except CommandFailed as error:
            if error.code == "unauthorized":
                raise HassRefused("only an administrator's may ask which entities are exposed") from None
            raise

    async def _change(self, socket: Socket) -> None:
        """Wait until something has changed and all is quiet again, or it is time to look anyway."""
        loop = asyncio.get_running_loop()
        if await _within(self._pace.refresh, socket):
            until = loop.time() + self._pace.longest
            while loop.time() < until and await _within(self._pace.quiet, socket):
                pass

    async def _learn(self, told: Told, version: str) -> None:
        house, before = told.house, self._told
        is_new = house != before.house
        if self.problem is not None or not self._tried.is_set() or is_new:
            _LOGGER.info(
                "Home Assistant %s knows %d names, %d areas and %d floors",
                *(version, len(house.names), len(house.areas), len(house.floors)),
            )
        if not house.names and (is_new or not self._tried.is_set()):
            _LOGGER.warning("Home Assistant exposes no entity to Assist: Settings > Voice assistants > Expose")
        self.problem = None
        self._told = told
        if is_new:
            self._changed.set()
        if told != before:
            await asyncio.to_thread(self._cache.save, told)
        self._tried.set()

    def _trouble(self, text: str) -> None:
        """Remember what is wrong, and say it once."""
        if text != self.problem:
            _LOGGER.warning("%s", text)
        self.problem = text
        self._tried.set()


async def _within(seconds: float, socket: Socket) -> bool:
    """Tell whether an event came within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await socket.event()
    except TimeoutError:
        return False
    return True


def _jittered(seconds: float) -> float:
    return seconds * (1 - 0.25 * random.random())


async def look(url: str, token: str) -> tuple[str, House]:
    """Return Home Assistant's version and what it knows of the house, asked once. Raises `HassError`."""
    async with aiohttp.ClientSession() as session, connect(session, url, token) as socket:
        try:
            return socket.version, (await read_told(socket, House())).house
        except CommandFailed as error:
            if error.code == "unauthorized":
                raise HassRefused("only an administrator's may ask which entities are exposed") from None
            raise
