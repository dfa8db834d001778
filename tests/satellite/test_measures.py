from __future__ import annotations

import time

from prometheus_client import REGISTRY, CollectorRegistry

from camera.camera import Camera
from satellite.measures import Frames, Measures, watch_connection
from satellite.report import Stage, TurnReport
from satellite.timers import Timer


def value(name: str, registry: CollectorRegistry = REGISTRY, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


def ended(**values: object) -> TurnReport:
    report = TurnReport()
    for name, one in values.items():
        setattr(report, name, one)
    return report


def test_turns_by_what_became_of_them() -> None:
    turns = {
        "handled": ended(heard="what time is it", handled=True),
        "not handled": ended(heard="la la", handled=False),
        "nothing heard": ended(heard=""),
        "apology": ended(heard="what time is it", apology="tts"),
        "error": ended(heard="what time is it", handled=True, error="no speaker"),
    }
    before = {outcome: value("hearth_turns_total", outcome=outcome) for outcome in turns}
    failures = value("hearth_server_failures_total")
    measures = Measures()
    for report in turns.values():
        measures.turn_ended(report)
    measures.turn_ended(ended(heard="", failures=["asr died", "asr was slow"]))
    after = {outcome: value("hearth_turns_total", outcome=outcome) - before[outcome] for outcome in turns}
    assert after == {"handled": 1, "not handled": 1, "nothing heard": 2, "apology": 1, "error": 1}
    assert value("hearth_server_failures_total") - failures == 2


def test_the_times_of_a_turn() -> None:
    before = value("hearth_turn_stage_seconds_sum", stage="asr"), value("hearth_turn_first_sound_seconds_sum")
    unended = value("hearth_turn_stage_seconds_count", stage="tts")
    stages = {"listen": Stage(10.0, 12.0), "asr": Stage(10.5, 12.5), "tts": Stage(13.0), "speak": Stage(12.25, 14.0)}
    Measures().turn_ended(ended(stages=stages))
    assert value("hearth_turn_stage_seconds_sum", stage="asr") - before[0] == 2.0
    assert value("hearth_turn_first_sound_seconds_sum") - before[1] == 0.25
    assert value("hearth_turn_stage_seconds_count", stage="tts") == unended


def test_timers() -> None:
    before = value("hearth_timers_rung_total")
    Measures().rang(Timer("tea", "tea", 60.0, time.monotonic()))
    assert value("hearth_timers_rung_total") - before == 1


async def test_frames_that_were_lost() -> None:
    camera = Camera("0", name="porch")
    registry = CollectorRegistry()
    registry.register(Frames(camera))
    camera.mailbox.drop("expired")
    camera.mailbox.drop("busy")
    camera.mailbox.drop("busy")
    assert value("hearth_frames_dropped_total", registry, camera="porch", reason="busy") == 2
    assert value("hearth_frames_dropped_total", registry, camera="porch", reason="expired") == 1


def test_whether_there_is_a_connection() -> None:
    connected = [False]
    assert REGISTRY.get_sample_value("hearth_connected", {"to": "nobody"}) is None
    watch_connection("nobody", lambda: connected[0])
    assert REGISTRY.get_sample_value("hearth_connected", {"to": "nobody"}) == 0
    connected[0] = True
    assert REGISTRY.get_sample_value("hearth_connected", {"to": "nobody"}) == 1
