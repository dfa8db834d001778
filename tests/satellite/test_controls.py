from __future__ import annotations

import pytest

from satellite.controls import Control, Controls


def test_whoever_watches_is_told_what_was_used_and_of_no_change_that_is_none() -> None:
    controls = Controls(volume=40)
    told: list[tuple[Control, bool, int]] = []
    also: list[Control] = []
    unwatch = controls.watch(lambda control: told.append((control, controls.muted, controls.volume)))
    controls.watch(also.append)
    controls.muted = True
    controls.muted = True
    controls.volume = 40
    controls.volume = 0
    controls.trigger()
    unwatch()
    controls.stop()
    assert told == [(Control.MUTE, True, 40), (Control.VOLUME, True, 0), (Control.TRIGGER, True, 0)]
    assert also == [Control.MUTE, Control.VOLUME, Control.TRIGGER, Control.STOP]


def test_a_volume_that_cannot_be_changes_nothing() -> None:
    controls = Controls(volume=40)
    for wrong in (-1, 101):
        with pytest.raises(ValueError, match=f"0 to 100 percent, not {wrong}"):
            controls.volume = wrong
        with pytest.raises(ValueError, match="0 to 100"):
            Controls(volume=wrong)
    assert controls.volume == 40


def test_a_watcher_that_fails_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    controls = Controls()
    told: list[Control] = []

    def broken(_: Control) -> None:
        raise RuntimeError("out of order")

    controls.watch(broken)
    controls.watch(told.append)
    controls.trigger()
    assert told == [Control.TRIGGER]
    assert "out of order" in caplog.text
