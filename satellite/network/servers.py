"""The servers of the house: which there are, and which may be used for what."""

from __future__ import annotations

import asyncio
import logging
import random as _random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wyoming_servers.wire import JOBS, BadValue, parse_uri
from wyoming_servers.wire.background import Background

from .discovery import Browser, Find
from .trust import Trust
from .watch import Origin, Server, Watch

_LOGGER = logging.getLogger(__name__)

DOUBT_S = 30.0
"""How long a server that failed at its work comes after all others, although it answers."""

_FINDS = 64
"""How many may be known at once, each from this machine and from the network."""

_STRANGERS_AT_ONCE = 8


class NoServer(Exception):
    """There is no server for a job; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A server that the user named: `asr=tcp://host:port`."""

    job: str
    uri: str

    @classmethod
    def parse(cls, text: str) -> ByHand:
        """Read the value of `--server`; raise ValueError, with an example, for anything else."""
        job, _, uri = text.partition("=")
        if job not in JOBS or not uri:
            raise ValueError(
                f"'{text}' names no server; it takes JOB=URI, like asr=tcp://192.168.1.5:10300, "
                f"where JOB is one of {', '.join(JOBS)}"
            )
        try:
            parse_uri(uri)
        except BadValue as error:
            raise ValueError(str(error)) from None
        return cls(job, uri)


class Servers(Background):
    """Finds servers and keeps watch over them for the length of an `async with` block.

    `by_hand`: servers that the user named, which come first and need no trust. `trust`: who else may be used on other
    hosts. `browse`: look for more by multicast DNS.
    """

    def __init__(
        self,
        *,
        by_hand: Sequence[ByHand] = (),
        trust: Trust,
        browse: bool = True,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._by_hand = by_hand
        self._trust = trust
        self._browse = browse
        self._clock = clock
        self._random = random
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self._doubts: dict[str, float] = {}
        """By address, until when a server that failed is doubted."""
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)
        self._change = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    # ---- what others ask

    def all(self) -> list[Server]:
        """Return every server that answers, also those that may not be used, in the order of preference."""
        watches = sorted(
            (watch for watch, _ in self._watches.values()), key=lambda watch: (watch.origin, watch.find.key)
        )
        servers: dict[tuple[str, Origin], Server] = {}
        for watch in watches:
            if watch.server is not None:
                # One of this machine that also listens on the network is found twice.
                servers.setdefault((watch.find.key.partition(":")[2], watch.origin), watch.server)
        return list(servers.values())

    def candidates(self, job: str) -> list[Server]:
        """Return the servers that may be asked to do `job`, the one to ask first first.

        By hand, then this machine's, then trusted ones elsewhere; those that failed lately after all others.
        """
        now = self._clock()
        usable: dict[str, Server] = {}
        for server in self.all():
            if job in server.jobs and self.may_use(server):
                usable.setdefault(server.uri, server)
        return sorted(usable.values(), key=lambda server: self._doubts.get(server.uri, now) > now)

    def may_use(self, server: Server) -> bool:
        """Return True for a server that may have the microphone and the camera."""
        return server.origin is not Origin.ELSEWHERE or self._trust.trusts(server.id)

    def mark_failed(self, server: Server) -> None:
        """Say that `server` failed at its work: it is no candidate until it has described itself anew."""
        now = self._clock()
        self._doubts = {uri: until for uri, until in self._doubts.items() if until > now}
        self._doubts[server.uri] = now + DOUBT_S
        for watch, _ in self._watches.values():
            if watch.server is not None and watch.server.uri == server.uri:
                watch.doubt()

    async def changed(self) -> None:
        """Wait until a server has come, gone or changed."""
        await self._change.wait()

    async def wait_for(self, jobs: Sequence[str], timeout: float) -> None:
        """Return when there is a candidate for each of `jobs`; raise `NoServer` after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while any(not self.candidates(job) for job in jobs):
                    await self.changed()
        except TimeoutError:
            raise NoServer(self._advice([job for job in jobs if not self.candidates(job)])) from None

    def _advice(self, jobs: list[str]) -> str:
        text = f"there is no server for {', '.join(jobs)}: start the house's own with 'hearth up'"
        text += f", or name one with --server {jobs[0]}=tcp://HOST:PORT"
        for named in self._by_hand:
            if named.job in jobs:
                text += f"; {named.uri} does not answer for {named.job}"
        for server in self.all():
            if not self.may_use(server) and server.jobs.intersection(jobs):
                text += f"; '{server.name}' on another host may be used after 'hearth trust {server.name}'"
        return text

    # ---- which there are

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                for uri in dict.fromkeys(named.uri for named in self._by_hand):
                    jobs = frozenset(named.job for named in self._by_hand if named.uri == uri)
                    self._add(Find(f"hand:{uri}", uri, uri, (uri,), here=False), Origin.BY_HAND, jobs)
                if self._browse:
                    tasks.create_task(Browser(self._found, self._lost).run(), name="browser")
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def _found(self, find: Find) -> None:
        if self._tasks is None:  # an announcement that comes while we end
            return
        origin = Origin.HERE if find.here else Origin.ELSEWHERE
        if find.key in self._watches:
            self._watches[find.key][0].announce(find, origin)
        elif self._make_room(find.key.partition(":")[0]):
            self._add(find, origin, frozenset(JOBS))

    def _lost(self, key: str) -> None:
        if key in self._watches:
            self._watches[key][0].withdraw()

    def _make_room(self, world: str) -> bool:
        """Return True when one more find of `world` may be kept; one that does not answer makes room."""
        watches = {key: entry for key, entry in self._watches.items() if key.startswith(f"{world}:")}
        if len(watches) < _FINDS:
            return True
        for key, (watch, task) in watches.items():
            if watch.server is None:
                del self._watches[key]
                task.cancel()
                return True
        _LOGGER.debug("%d servers are known already; one more is passed over", len(watches))
        return False

    def _add(self, find: Find, origin: Origin, jobs: frozenset[str]) -> None:
        watch = Watch(
            find,
            origin,
            jobs=jobs,
            trusts=self._trust.trusts,
            strangers=self._strangers,
            changed=self._notify,
            clock=self._clock,
            random=self._random,
        )
        assert self._tasks is not None
        self._watches[find.key] = watch, self._tasks.create_task(self._attend(watch), name=f"watch {find.name}")

    async def _attend(self, watch: Watch) -> None:
        await watch.run()
        del self._watches[watch.find.key]

    def _notify(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
