"""What can be set and asked of a satellite, whoever does it: a button, MQTT, Home Assistant, or the house itself.

Everything happens on the event loop; from another thread (a button's), go through `loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

_LOGGER = logging.getLogger(__name__)


class Control(StrEnum):
    """What was used."""

    MUTE = "mute"
    """Mute went on or off."""

    VOLUME = "volume"
    """The volume is another."""

    CAMERA = "camera"
    """The camera went on or off."""

    TRIGGER = "trigger"
    """Listen now, without a wake word; what is being said or rings makes way."""

    HOLD = "hold"
    """What is being said lasts until `RELEASE`, whatever silence there is in it: push to talk."""

    RELEASE = "release"
    """All is said."""

    STOP = "stop"
    """Say and ring no more, and forget what was being asked."""


Watcher = Callable[[Control], None]
"""Called right after a control was used, with which; be quick."""


class Controls:
    """The controls of one satellite. Whoever carries them out, shows or keeps them watches them."""

    def __init__(self, *, muted: bool = False, volume: int = 100, camera: bool = True) -> None:
        """Raise ValueError for a volume outside 0 to 100."""
        self._muted = muted
        self._camera = camera
        self._volume = _percent(volume)
        self._watchers: list[Watcher] = []

    @property
    def muted(self) -> bool:
        """Whether the satellite hears nothing at all."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if muted != self._muted:
            self._muted = muted
            self._tell(Control.MUTE)

    @property
    def volume(self) -> int:
        """Percent of the loudness in which sound comes, 0 to 100; setting another raises ValueError."""
        return self._volume

    @volume.setter
    def volume(self, percent: int) -> None:
        if _percent(percent) != self._volume:
            self._volume = percent
            self._tell(Control.VOLUME)

    @property
    def camera(self) -> bool:
        """Whether the camera looks, where there is one."""
        return self._camera

    @camera.setter
    def camera(self, on: bool) -> None:
        if on != self._camera:
            self._camera = on
            self._tell(Control.CAMERA)

    def trigger(self) -> None:
        """Listen now. A satellite that is muted goes on hearing nothing."""
        self._tell(Control.TRIGGER)

    def hold(self) -> None:
        """Listen until `release`, to who was invited by `trigger`."""
        self._tell(Control.HOLD)

    def release(self) -> None:
        """Listen no longer to who was listened to by `hold`."""
        self._tell(Control.RELEASE)

    def stop(self) -> None:
        """Be silent now."""
        self._tell(Control.STOP)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` whenever a control is used, after those that came before it; return what ends that.

        A watcher that raises disturbs neither the others nor whoever used the control; it is logged.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _tell(self, control: Control) -> None:
        for watcher in list(self._watchers):
            try:
                watcher(control)
            except Exception:
                _LOGGER.exception("what watches %s failed", control)


def _percent(volume: int) -> int:
    if not 0 <= volume <= 100:
        raise ValueError(f"a volume is 0 to 100 percent, not {volume}")
    return volume
