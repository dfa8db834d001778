from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from satellite.controls import Control, Controls
from satellite.gpio import HOLD_S, Gpio, GpioError
from satellite.report import State

gpiozero = pytest.importorskip("gpiozero", reason="needs pip install 'wyoming-hearth[gpio]'")


@pytest.fixture(autouse=True)
def pins() -> Iterator[Any]:
    from gpiozero.pins.mock import MockFactory

    before, factory = gpiozero.Device.pin_factory, MockFactory()
    gpiozero.Device.pin_factory = factory
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = before


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - a thread of gpiozero's does it
            await asyncio.sleep(0.01)


async def test_pressed_it_listens_and_held_as_long_as_that(pins: Any) -> None:
    controls, used = Controls(), list[Control]()
    controls.watch(used.append)
    async with Gpio(controls, button=17, mute_button=None, led=None):
        pins.pin(17).drive_low()
        await until(lambda: used == [Control.TRIGGER])
        pins.pin(17).drive_high()
        await asyncio.sleep(0.1)
        assert used == [Control.TRIGGER], "a short press ends as any turn does"
        pins.pin(17).drive_low()
        await asyncio.sleep(HOLD_S)
        await until(lambda: used == [Control.TRIGGER, Control.TRIGGER, Control.HOLD])
        pins.pin(17).drive_high()
        await until(lambda: used[3:] == [Control.RELEASE])


async def test_a_button_mutes_and_unmutes(pins: Any) -> None:
    controls = Controls()
    async with Gpio(controls, button=None, mute_button=4, led=None):
        for muted in (True, False):
            pins.pin(4).drive_low()
            await until(lambda muted=muted: controls.muted is muted)  # type: ignore[misc]
            pins.pin(4).drive_high()
            await asyncio.sleep(0.1)


async def test_the_light_shows_the_state(pins: Any) -> None:
    async with Gpio(Controls(), button=None, mute_button=None, led=22) as gpio:
        gpio.became(State.LISTENING)
        assert pins.pin(22).state
        gpio.became(State.PROCESSING)
        await until(lambda: not pins.pin(22).state)
        await until(lambda: pins.pin(22).state)
        gpio.became(State.IDLE)
        assert not pins.pin(22).state


async def test_a_pin_that_cannot_be_had_is_named() -> None:
    with pytest.raises(GpioError, match=r"--led 17: .*17"):
        async with Gpio(Controls(), button=17, mute_button=None, led=17):
            pass
    async with Gpio(Controls(), button=17, mute_button=None, led=None):
        pass
