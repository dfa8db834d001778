"""The satellite's own sounds, each when it is due: chimes, timers that ring, and what says that something went wrong.

Pure logic on an injected clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from satellite.report import Observer

from .alarms import Alarms
from .chimes import Chimes
from .mouth import Kind, Mouth

CHIME_AFTER_S = 0.3
"""Who goes on speaking right after the wake word needs no chime: so long is waited for that."""


class Signals:
    """Of one satellite. Nothing of a chime is recorded: who hears asks the mouth whether one is heard."""

    def __init__(
        self, mouth: Mouth, chimes: Chimes, alarms: Alarms, observer: Observer, clock: Callable[[], float]
    ) -> None:
        self._mouth = mouth
        self._chimes = chimes
        self._alarms = alarms
        self._observer = observer
        self._clock = clock
        self._awake_at = math.inf

    def listens(self) -> None:
        """Learn that the satellite listens from now on, which is told soon."""
        self._awake_at = self._clock() + CHIME_AFTER_S

    def tell_awake(self, speech_until: float) -> None:
        """Tell that we listen, when it is time, unless somebody speaks already; they were last heard `speech_until`."""
        now = self._clock()
        if now >= self._awake_at:
            self._awake_at = math.inf
            if self._chimes.awake is not None and now >= speech_until + CHIME_AFTER_S:
                self._mouth.say(Kind.CHIME, *self._chimes.awake)

    def end_chime(self) -> None:
        """Let no chime be heard any more."""
        self._mouth.stop(Kind.CHIME)

    def tell_done(self) -> None:
        """Tell that what was said was heard."""
        if self._chimes.done is not None:
            self._mouth.say(Kind.CHIME, *self._chimes.done)

    def sorry(self) -> None:
        """Tell that something went wrong."""
        self._mouth.say(Kind.SORRY, *self._chimes.sorry)

    def ring(self) -> None:
        """Let a timer ring whose time has come, unless something else is heard."""
        if not self._mouth.busy and (timer := self._alarms.due()) is not None:
            self._alarms.rings(timer)
            self._observer.rang(timer)
            self._mouth.say(Kind.TIMER, *self._chimes.timer)

    def silence(self) -> bool:
        """Let nothing ring any more; return whether anything did."""
        rang = self._alarms.silence()
        self._mouth.stop(Kind.TIMER)
        return rang
