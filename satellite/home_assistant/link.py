"""The connections that come to the satellite: each is looked at, one is served.

Who is served keeps its place as long as it lives. A second Home Assistant is refused, with an error that says who is
served, so that two of them do not throw each other out for ever. But when Home Assistant's host was switched off, or
its network changed, its old connection looks open for long: so whoever asks for the place makes us ask the one who has
it whether it is still there. No answer within 2 s, and the place is given to the new one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from wyoming.event import Event, Eventable
from wyoming.ping import Ping, Pong

from wyoming_servers.service import Client, Session
from wyoming_servers.wire import BadValue, Busy, ConnectionLost, WireError

_LOGGER = logging.getLogger(__name__)

PING_S = 2.0
"""Between two pings, as often as Home Assistant's own."""

GONE_S = 10.0
"""A Home Assistant of which nothing was heard for so long is gone. It is slow while it starts."""

ANSWER_S = 2.0
"""Who has the place answers a ping within it when somebody else wants the place."""

_GONE = ConnectionLost(f"nothing was heard of Home Assistant for {GONE_S:g} s", "silent")
_REPLACED = Busy("this connection was silent, and another Home Assistant has taken its place")

_FIRST = {"audio-start", "audio-chunk", "audio-stop", "timer-started", "timer-updated", "timer-finished"}
"""Events that would be expected to do something, and do not before `run-satellite`."""


class Link(Protocol):
    """Home Assistant, as who talks with it sees it."""

    def send(self, *events: Event | Eventable) -> None:
        """Send at once; when the other side is gone, do nothing."""


class Partner(Protocol):
    """Who talks with the one that is served."""

    def connect(self, link: Link) -> None:
        """Run for it."""

    def pause(self, link: Link) -> None:
        """Begin nothing for it until `connect`."""

    def disconnect(self, link: Link) -> None:
        """Learn that it has gone."""

    def take(self, event: Event) -> None:
        """Take what it says; raise `RequestError`."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be taken for now."""

    async def room(self) -> None:
        """Wait until more can be taken."""


class Reception:
    """Gives the one place there is."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.served: Guest | None = None
        self._asking = asyncio.Lock()

    async def admit(self, guest: Guest) -> None:
        """Serve `guest`; raise `Busy` where another one is served and alive."""
        async with self._asking:
            other = self.served
            if other is not None and other is not guest:
                if await other.is_alive():
                    raise Busy(
                        f"this satellite serves the Home Assistant at {other.client.name}; "
                        "remove it there, or switch it to muted, and it will serve this one"
                    )
                self.leave(other)
                other.client.dismiss(_REPLACED)
            self.served = guest
            self.partner.connect(guest)

    def leave(self, guest: Guest) -> None:
        """Learn that `guest` is gone."""
        if guest is self.served:
            self.served = None
            self.partner.disconnect(guest)


class Guest(Session):
    """One connection: Home Assistant's lasting one, or one of those on which it asks `describe`."""

    def __init__(self, client: Client, reception: Reception) -> None:
        super().__init__(client)
        self._reception = reception
        self._runs = False
        self._pinging: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def handle(self, event: Event) -> None:
        """Take one event."""
        self._heard.set()
        match event.type:
            case "run-satellite":
                await self._run()
            case "pause-satellite":
                self._runs = False
                self._reception.partner.pause(self)
            case _ if self is self._reception.served:
                self._reception.partner.take(event)
                await self._room()
            case kind if kind in _FIRST:
                raise BadValue(f"'{kind}' comes after 'run-satellite', which says that Home Assistant is ready")

    async def end(self) -> None:
        """Give up the place."""
        self._reception.leave(self)

    def send(self, *events: Event | Eventable) -> None:
        """Send at once; when the other side is gone, do nothing."""
        try:
            self.client.send_nowait(*events)
        except WireError as error:
            _LOGGER.debug("%s: %s", self.client.name, error)

    async def is_alive(self) -> bool:
        """Return whether anything is heard of it within 2 s. Who has paused us says nothing, and gives way at once."""
        if not self._runs:
            return False
        self._heard.clear()
        self.send(Ping())
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._heard.wait()
        except TimeoutError:
            return self.client.silent_s < ANSWER_S
        return True

    async def _run(self) -> None:
        try:
            await self._reception.admit(self)
        except Busy as busy:
            _LOGGER.warning("%s: refused: %s", self.client.name, busy)
            self.client.dismiss(busy)
            return
        self._runs = True
        if self._pinging is None:
            self._pinging = self.client.spawn(self._ping())

    async def _ping(self) -> None:
        """Notice that Home Assistant has gone without a word."""
        while True:
            await asyncio.sleep(PING_S)
            if not self._runs:
                continue
            if self.client.silent_s > GONE_S:
                _LOGGER.warning("%s: %s", self.client.name, _GONE)
                self.client.dismiss(_GONE)
                return
            self.send(Ping())

    async def _room(self) -> None:
        """Wait until what comes can be kept. Its pings wait behind it meanwhile, so we say that we are there."""
        while self._reception.partner.is_full:
            try:
                async with asyncio.timeout(PING_S):
                    await self._reception.partner.room()
            except TimeoutError:
                self.send(Pong())
