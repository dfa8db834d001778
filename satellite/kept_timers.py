"""Timers that survive a restart: in a small file of their own, written whenever one is set, changed, or has rung.

Those that ran out while the satellite was off ring at once; not after more than ten minutes, when whoever set them has
seen to it, or has long been asleep.

How long it was off, the monotonic clock tells, unless the machine itself was started anew: then only the wall clock
knows. Many a Raspberry Pi has no battery for it. There it goes on from where it stopped, until NTP sets it right,
minutes after the satellite has started. So timers from before the machine's start follow the wall clock when it is set;
those that were set since do not: a minute is a minute, whatever the clock says.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from wyoming_servers.wire import BadValue, Fields

from .keeping import Keeper, read_kept
from .naming import slug
from .timers import ID_CHARACTERS, LONGEST_S, MOST, NAME_CHARACTERS, RINGS, Timer, TimerError, Timers

_LOGGER = logging.getLogger(__name__)

LATE_S = 600.0
"""How long after its time a timer still rings that ran out while the satellite was off."""

LOOK_S = 1.0
"""Between two looks at the wall clock, while there are timers."""

SET_S = 2.0
"""A wall clock that is so far from where it should be was set; NTP moves it without a jump for less."""

_MOST_BYTES = 256 * 1024
_LONGEST_AGO_S = 100 * LONGEST_S
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def timers_file(data_dir: Path, satellite: str) -> Path:
    """Return where the timers of the satellite of this name are kept."""
    return data_dir / f"timers-{slug(satellite)}.json"


def boot_id() -> str:
    """Return what is the same until the machine is started anew; nothing where no such thing is known."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return ""


class KeptTimers(Keeper):
    """Lets the timers in the file `path` go on in `timers`, and keeps those there; one that is paused stands still."""

    def __init__(
        self,
        timers: Timers,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:
        """`clock` is that of `timers`, `wall` tells seconds since 1970, `boot` is this machine's `boot_id`."""
        super().__init__(path, "timers")
        self._timers = timers
        self._clock = clock
        self._wall = wall
        self._boot = boot_id() if boot is None else boot
        self._ahead = wall() - clock()  # how far the wall clock is before the monotonic one; another when it was set
        self._off = 0.0  # how long the satellite was off before the machine's start, as the wall clock tells it

    async def __aenter__(self) -> Self:
        self._recall()
        return await super().__aenter__()

    def _watch(self) -> Callable[[], None]:
        return self._timers.watch(self._changed.set)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._timers.next_at is None else LOOK_S):
                    await self._changed.wait()
            self.look()
            if self._changed.is_set():
                await self._write()

    def look(self) -> None:
        """Notice that the wall clock was set."""
        ahead = self._wall() - self._clock()
        if abs(ahead - self._ahead) < SET_S:
            return
        before = max(0.0, self._off)  # nobody was off for less than no time
        self._off += ahead - self._ahead
        self._ahead = ahead
        self._timers.hasten(max(0.0, self._off) - before)
        self._forget_late()
        self._changed.set()

    def _text(self) -> str:
        now = self._clock()
        timers = [
            {
                "id": timer.id,
                "name": timer.name,
                "seconds": timer.seconds,
                "left": timer.rings_at - now if timer.paused is None else timer.paused,
                "paused": timer.paused is not None,
                "rang": timer.rang,
                "by_wall": timer.by_wall,
            }
            for timer in self._timers
        ]
        return json.dumps(
            {"boot": self._boot, "clock": now, "wall": now + self._ahead, "off": self._off, "timers": timers}
        )

    def _recall(self) -> None:
        """Let those that were kept go on; a file that makes no sense is set aside."""
        try:
            timers = self._kept(Fields("timers", read_kept(self._path, _MOST_BYTES)))
        except FileNotFoundError:
            return
        except (OSError, BadValue) as error:
            aside = self._aside()
            _LOGGER.warning("%s cannot be used (%s): timers from before are forgotten%s", self._path, error, aside)
            return
        for timer in timers:
            try:
                self._timers.resume(timer)
            except TimerError as error:
                _LOGGER.warning("a timer from before is forgotten: %s", error)
        self.look()
        self._forget_late()
        self._changed.set()
        if timers:
            _LOGGER.info("timers from before that go on: %d", sum(timer.id in self._timers for timer in timers))

    def _kept(self, kept: Fields) -> list[Timer]:
        """Return what was kept, from now on; raise `BadValue`."""
        now = self._clock()
        clock = kept.number("clock", least=0, most=_LONGEST_AGO_S)
        wall = kept.number("wall", least=0, most=_LONGEST_AGO_S)
        records = kept.objects("timers")
        if len(records) > MOST:
            raise BadValue(f"there are {len(records)} timers, and at most {MOST} can be")
        is_same_start = bool(self._boot) and kept.text("boot") == self._boot and clock <= now
        if is_same_start:
            off = now - clock
            self._off = kept.number("off", least=-_LONGEST_AGO_S, most=_LONGEST_AGO_S)
            self._ahead = wall - clock
        else:
            self._off = self._wall() - wall
            off = max(0.0, self._off)
        return [_timer(record, now - off, by_wall=not is_same_start) for record in records]

    def _forget_late(self) -> None:
        """Let none ring whose time was long ago."""
        for timer in list(self._timers):
            late = self._clock() - timer.rings_at
            if late > LATE_S:
                _LOGGER.warning(
                    "timer %r ran out %.0f minutes ago, while the satellite was off: it does not ring any more",
                    timer.name,
                    late / 60,
                )
                self._timers.cancel(timer.id)

    def _aside(self) -> str:
        """Put the file aside, so that it is not written over; return in words where it is now."""
        aside = self._path.with_name(f"{self._path.name}.broken")
        try:
            self._path.replace(aside)
        except OSError:
            return ""
        return f", and it is now {aside.name}"


def _timer(kept: Fields, now: float, *, by_wall: bool) -> Timer:
    """Return a timer as it was kept at `now`; raise `BadValue`."""
    timer_id, name = kept.text("id"), kept.text("name")
    if not 0 < len(timer_id) <= ID_CHARACTERS or len(name) > NAME_CHARACTERS:
        raise BadValue(f"an id takes 1 to {ID_CHARACTERS} characters, and a name at most {NAME_CHARACTERS}")
    seconds = kept.number("seconds", least=0, most=LONGEST_S)
    left = kept.number("left", least=-LONGEST_S, most=LONGEST_S)
    paused = kept.flag("paused", default=False)
    return Timer(
        timer_id,
        name,
        seconds,
        math.inf if paused else now + left,
        kept.whole("rang", most=RINGS - 1),
        paused=left if paused else None,
        by_wall=by_wall or kept.flag("by_wall", default=False),
    )
