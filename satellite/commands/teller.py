"""Tells what a satellite hears, decides and says, as it happens; with --json, one object when a turn has ended."""

from __future__ import annotations

from typing import Any

from satellite.report import Observer, TurnReport
from satellite.timers import Timer

from .common import Output

Times = dict[str, list[int | None]]


class Teller(Observer):
    """Prints to `output`."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def turn_began(self, report: TurnReport) -> None:  # noqa: ARG002 - nothing is known yet
        """Somebody speaks."""
        self._output.line("listening …", "dim")

    def heard(self, report: TurnReport) -> None:
        """What they said is known."""
        self._output.line(f"heard    {report.heard or '(nothing that the house understands)'}")

    def decided(self, report: TurnReport) -> None:
        """What to answer is known."""
        self._output.line(f"decided  {decision(report)}")
        self._output.line(f"says     {report.reply}", "bold")

    def turn_ended(self, report: TurnReport) -> None:
        """The answer was heard, or the turn was given up."""
        self._output.record(event="turn", **turn_record(report))
        for failure in report.failures:
            self._output.line(f"failed   {failure}", "yellow")
        if report.apology is not None:
            self._output.line(f"sorry    nobody could do {report.apology}", "red")
        if report.error is not None:
            self._output.line(f"unheard  {report.error}", "red")

    def rang(self, timer: Timer) -> None:
        """A timer has rung."""
        self._output.record(event="timer", id=timer.id, name=timer.name, seconds=timer.seconds)
        self._output.line(f"rings    {timer.name or f'{timer.seconds:g} s'} timer")


def decision(report: TurnReport) -> str:
    """Return the intent and its slots in one line."""
    if report.intent is None:
        return "understood" if report.handled else "not understood"
    slots = ", ".join(f"{name} {value}" for name, value in dict(report.intent.get("slots", {})).items())
    return str(report.intent.get("name")) + (f" ({slots})" if slots else "")


def stage_times(report: TurnReport, zero: float) -> Times:
    """Return when each stage began and ended, in milliseconds after `zero` (`time.monotonic()`)."""
    return {
        name: [_ms(stage.began, zero), None if stage.ended is None else _ms(stage.ended, zero)]
        for name, stage in report.stages.items()
    }


def turn_record(report: TurnReport) -> dict[str, Any]:
    """Return the turn as an object; its times are counted from the moment in which somebody began to speak."""
    return {
        "id": report.id,
        "heard": report.heard,
        "handled": report.handled,
        "intent": report.intent,
        "actions": report.actions,
        "reply": report.reply,
        "wav": None if report.wav is None else str(report.wav),
        "stages": stage_times(report, report.stages["listen"].began),
        "apology": report.apology,
        "failures": report.failures,
        "error": report.error,
    }


def _ms(moment: float, zero: float) -> int:
    return round((moment - zero) * 1000)
