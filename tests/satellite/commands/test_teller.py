"""What is told of a turn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from satellite.commands.common import Output
from satellite.commands.teller import Teller, decision, stage_times
from satellite.commands.timeline import timeline
from satellite.report import Stage, TurnReport


@pytest.fixture
def report() -> TurnReport:
    return TurnReport(
        id="01",
        stages={"listen": Stage(10.0, 11.5), "asr": Stage(10.2, 11.5), "speak": Stage(11.5006, None)},
        heard="what time is it",
        handled=True,
        intent={"name": "HassTurnOn", "slots": {"area": "office", "domain": "light"}},
        reply="It is noon.",
        wav=Path("a.wav"),
    )


def test_times_count_from_where_one_wants(report: TurnReport) -> None:
    assert stage_times(report, 11.0) == {"listen": [-1000, 500], "asr": [-800, 500], "speak": [501, None]}


def test_decisions_in_one_line(report: TurnReport) -> None:
    assert decision(report) == "HassTurnOn (area office, domain light)"
    assert decision(TurnReport(handled=True)) == "understood"
    assert decision(TurnReport(handled=False)) == "not understood"
    assert decision(TurnReport(intent={"name": "HearthLook"})) == "HearthLook"


def test_a_turn_for_programs(report: TurnReport, capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(Output(json=True))
    for tell in (teller.turn_began, teller.heard, teller.decided, teller.turn_ended):
        tell(report)
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["heard"], told["reply"], told["wav"]) == ("turn", report.heard, report.reply, "a.wav")
    assert told["stages"]["listen"] == [0, 1500]


def test_a_turn_for_people(report: TurnReport, capsys: pytest.CaptureFixture[str]) -> None:
    report.failures = ["asr: one is gone"]
    report.apology = "tts"
    teller = Teller(Output(json=False))
    for tell in (teller.turn_began, teller.heard, teller.decided, teller.turn_ended):
        tell(report)
    assert capsys.readouterr().out.splitlines() == [
        "listening …",
        "heard    what time is it",
        "decided  HassTurnOn (area office, domain light)",
        "says     It is noon.",
        "failed   asr: one is gone",
        "sorry    nobody could do tts",
    ]


def test_a_timeline_has_its_zero_and_its_bars() -> None:
    first, second = timeline({"listen": [-50, 50], "speak": [50, None]})
    assert first.startswith("listen     -50 to     50 ms  ")
    assert second.startswith("speak       50 to      ? ms  ")
    bars = [line[29:] for line in (first, second)]
    assert bars[0].index("|") == bars[1].index("|")
    assert set(bars[0]) == {"=", "|"}
    assert bars[1].endswith("=")


def test_a_timeline_of_nothing() -> None:
    assert list(timeline({})) == []
