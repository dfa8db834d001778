"""A button and a light at a Raspberry Pi's pins, by gpiozero: pressed, the satellite listens; held, as long as that.

gpiozero calls from a thread of its own; all that is done here is done on the event loop.
"""

from __future__ import annotations

import asyncio
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, Self

from wyoming_servers.wire.options import whole

from .controls import Controls
from .report import Observer, State

HOLD_S = 0.6
"""Who presses longer speaks as long as they press."""

_BOUNCE_S = 0.02
_BLINK_S = 0.15

_PINS = whole(0, 27)
"""Broadcom's numbers, as gpiozero counts."""


class GpioError(Exception):
    """A pin cannot be used; the message says why and what to do."""


def add_gpio_options(parser: ArgumentParser) -> None:
    """Add what is connected to which pin."""
    group = parser.add_argument_group("pins", "Of a Raspberry Pi, in Broadcom's numbers; they need gpiozero.")
    group.add_argument(
        "--button", type=_PINS, metavar="PIN", help="pressed, it listens, or is silent; held, it listens that long"
    )
    group.add_argument("--mute-button", type=_PINS, metavar="PIN", help="pressed, it is muted, or no longer")
    group.add_argument(
        "--led", type=_PINS, metavar="PIN", help="light: on while it listens, blinking while it works or speaks"
    )


def open_gpio(args: Namespace, controls: Controls) -> Gpio | None:
    """Return what is connected, or None where nothing is."""
    if args.button is None and args.mute_button is None and args.led is None:
        return None
    return Gpio(controls, button=args.button, mute_button=args.mute_button, led=args.led)


class Gpio(Observer):
    """The pins, for the length of an `async with` block."""

    def __init__(self, controls: Controls, *, button: int | None, mute_button: int | None, led: int | None) -> None:
        self._controls = controls
        self._pins = {"--button": button, "--mute-button": mute_button, "--led": led}
        self._loop = asyncio.get_running_loop()
        self._led: Any = None
        self._opened: list[Any] = []
        self._held = False

    async def __aenter__(self) -> Self:
        """Take the pins; raise `GpioError`."""
        try:
            from gpiozero import LED, Button, GPIOZeroError
        except ImportError as error:
            raise GpioError(f"pins need gpiozero ({error}): pip install 'wyoming-hearth[gpio]'") from error
        option = ""
        try:
            with warnings.catch_warnings(action="ignore"):  # of each way to the pins that is not there
                for option, pin in self._pins.items():
                    if pin is not None:
                        is_led = option == "--led"
                        device = LED(pin) if is_led else Button(pin, bounce_time=_BOUNCE_S, hold_time=HOLD_S)
                        self._open(option, device)
        except (GPIOZeroError, OSError, RuntimeError) as error:
            self._close()
            raise GpioError(
                f"{option} {self._pins[option]}: {error}; is this a Raspberry Pi, and the pin free?"
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the pins go."""
        self._close()

    def became(self, state: State) -> None:
        """Show it."""
        if self._led is None:
            return
        if state is State.IDLE:
            self._led.off()
        elif state is State.LISTENING:
            self._led.on()
        else:
            self._led.blink(_BLINK_S, _BLINK_S if state is State.PROCESSING else 3 * _BLINK_S)

    def _open(self, option: str, device: Any) -> None:
        self._opened.append(device)
        if option == "--led":
            self._led = device
        elif option == "--button":
            device.when_pressed = self._on_loop(self._controls.trigger)
            device.when_held = self._on_loop(self._hold)
            device.when_released = self._on_loop(self._release)
        else:
            device.when_pressed = self._on_loop(self._mute)

    def _on_loop(self, work: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(work)

        return call

    def _hold(self) -> None:
        self._held = True
        self._controls.hold()

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._controls.release()

    def _mute(self) -> None:
        self._controls.muted = not self._controls.muted

    def _close(self) -> None:
        for device in self._opened:
            device.close()
        self._opened.clear()
        self._led = None
