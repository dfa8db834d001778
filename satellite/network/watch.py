"""One server that is said to be there: asked, and kept company while it may be used.

Every find is asked to describe itself, so that servers made by others are used too. One that may be used is then kept
company on an open connection, whose end tells at once that it died, and which is pinged now and again for the case that
its host did. One that is down is tried again for as long as it is announced, soon at first.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from wyoming.info import Describe
from wyoming.ping import Ping

from satellite.backoff import backoff
from wyoming_servers.wire import JOBS, Connection, Info, Limits, PeerError, WireError, connect, expect

from .discovery import Find

_LOGGER = logging.getLogger(__name__)

PING_S = 10.0
"""How often a server in use is pinged."""

STRANGER_S = 30.0
"""How often one that may not be used is asked to describe itself, on a new connection; Home Assistant does the same."""

TRUST_CHECK_S = 2.0
"""How soon it is noticed that somebody was trusted, or is no more."""

_CONNECT_S = 3.0
_ANSWER_S = 5.0
_BRIEF_S = 5.0
"""A server that ends our connection sooner than this does not want to be kept company, or has died."""

_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 10.0
_LONGEST_WAIT_HERE_S = 1.0
"""Asking this machine whether anybody listens costs next to nothing."""

_WAIT_FACTOR = 1.2
"""So small that who comes back after t seconds is noticed within about t/5."""

_STRANGER_LIMITS = Limits(data_bytes=256 * 1024)


class Origin(IntEnum):
    """Where a server is from, in the order of preference."""

    BY_HAND = 0
    HERE = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class Server:
    """One that answered."""

    name: str
    """What to call it; fit to be shown."""

    id: str
    """By which it is trusted."""

    uri: str
    """Where it answered."""

    origin: Origin
    jobs: frozenset[str]
    """What it may be asked to do."""

    info: Info = field(compare=False, repr=False)


class Watch:
    """Keeps asking one find, as long as `run` runs.

    `trusts` says whether a server elsewhere may be used, by its id; others are strangers, and `strangers` bounds how
    many of them are asked at once. `changed` is called when `server` is another than before.
    """

    def __init__(
        self,
        find: Find,
        origin: Origin,
        *,
        jobs: frozenset[str] = frozenset(JOBS),
        trusts: Callable[[str], bool],
        strangers: asyncio.Semaphore,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.find = find
        self.origin = origin
        self.server: Server | None = None
        """What it last answered; None while it does not."""
        self.announced = True
        self._jobs = jobs
        self._trusts = trusts
        self._strangers = strangers
        self._changed = changed
        self._clock = clock
        self._random = random
        self._again = asyncio.Event()
        self._last_uri = ""
        self._pongs = True
        """False when a ping went unanswered: many servers know only `describe`."""

    # ---- what is told to it

    def announce(self, find: Find, origin: Origin) -> None:
        """Hear that the server is there, perhaps elsewhere than before."""
        news = self.find != find or self.server is None
        self.find, self.origin, self.announced = find, origin, True
        if news:
            self._again.set()

    def withdraw(self) -> None:
        """Hear that the server has gone. It may live all the same, so ask."""
        self.announced = False
        self._again.set()

    def doubt(self) -> None:
        """Take the server for dead until it answers once more, which it is asked to at once."""
        self._set(None)
        self._again.set()

    # ---- what it does

    async def run(self) -> None:
        """Find out whether the server answers, again and again; return when it neither answers nor is announced."""
        waits = self._waits()
        brief_visits = 0
        while True:
            self._again.clear()
            try:
                connection, server = await self._meet()
            except WireError as error:
                _LOGGER.debug("%s: %s", self.find.name, error)
                self._set(None)
                if not self.announced:
                    return
                brief_visits = 0
                await _first(next(waits), self._again.wait())
                continue
            waits = self._waits()
            async with connection:
                self._set(server)
                if company := self._is_wanted(server):
                    brief_visits = brief_visits + 1 if await self._keep_company(server, connection) else 0
            if not company:
                await self._leave_alone(server)
            elif brief_visits > 1:  # it answers, but sends us away each time
                await _first(PING_S, self._again.wait())

    async def _meet(self) -> tuple[Connection, Server]:
        """Connect to the first address that answers `describe`. Raises `WireError` where none does."""
        find, origin = self.find, self.origin
        stranger = not self._may_use(find.id)
        failure = WireError("it has no address")
        async with self._strangers if stranger else nullcontext():
            for uri in sorted(find.uris, key=lambda uri: uri != self._last_uri):
                try:
                    connection, info = await _ask(uri, _STRANGER_LIMITS if stranger else Limits())
                except WireError as error:
                    failure = error
                    continue
                self._last_uri = uri
                # A satellite takes whoever speaks to it for its server: it is asked for its Info and no more.
                jobs = frozenset() if info.satellite is not None else self._jobs.intersection(info.jobs)
                return connection, Server(find.name, find.id, uri, origin, jobs, info)
        raise failure

    async def _keep_company(self, server: Server, connection: Connection) -> bool:
        """Stay until there is reason to ask anew; return True when the server ended the connection soon."""
        began = self._clock()
        while True:
            await _first(PING_S, self._again.wait(), connection.ended())
            if not connection.is_open:
                return self._clock() - began < _BRIEF_S
            if self._again.is_set() or not self._is_wanted(server):
                return False
            try:
                await connection.send(Ping() if self._pongs else Describe())
                await expect(connection, "pong" if self._pongs else "info", _ANSWER_S)
            except PeerError:
                pass  # it is there, and does not know the event
            except WireError:
                self._pongs = False
                return False

    async def _leave_alone(self, server: Server) -> None:
        """Wait until a stranger should be asked again, or is a stranger no more."""
        until = self._clock() + STRANGER_S
        while (left := until - self._clock()) > 0 and not self._again.is_set():
            await _first(min(left, TRUST_CHECK_S), self._again.wait())
            if self._is_wanted(server):
                self._changed()
                return

    def _is_wanted(self, server: Server) -> bool:
        return bool(server.jobs) and self._may_use(server.id)

    def _may_use(self, server_id: str) -> bool:
        return self.origin is not Origin.ELSEWHERE or self._trusts(server_id)

    def _set(self, server: Server | None) -> None:
        before, self.server = self.server, server
        if before != server:
            _LOGGER.info("%s %s", self.find.name, f"answers at {server.uri}" if server else "does not answer")
            self._changed()

    def _waits(self) -> Iterator[float]:
        most = _LONGEST_WAIT_HERE_S if self.origin is Origin.HERE else _LONGEST_WAIT_S
        return backoff(_FIRST_WAIT_S, most, factor=_WAIT_FACTOR, random=self._random)


async def _ask(uri: str, limits: Limits) -> tuple[Connection, Info]:
    """Connect and ask for the Info. Raises `WireError`, whatever comes."""
    connection = await connect(uri, timeout=_CONNECT_S, limits=limits)
    try:
        await connection.send(Describe())
        return connection, Info.from_event(await expect(connection, "info", _ANSWER_S))
    except BaseException as error:
        await connection.close()
        if isinstance(error, WireError) or not isinstance(error, Exception):
            raise
        # An Info can be odd in ways that nobody thought of; one stranger shall not end the watch over all.
        raise WireError(f"{uri} sent an Info that cannot be read: {error!r:.200}") from error


async def _first(timeout: float, *waits: Coroutine[Any, Any, object]) -> None:
    """Wait until the first of `waits` is over, or for `timeout` seconds."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
