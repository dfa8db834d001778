"""What a satellite counts, for `/metrics`; named as Prometheus recommends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from camera.camera import Camera
from wyoming_servers.wire.health import SECONDS

from .report import Observer, TurnReport
from .timers import Timer

_TURNS = Counter("hearth_turns", "Turns that have ended", ["outcome"])

_STAGES = Histogram("hearth_turn_stage_seconds", "Stages of a turn", ["stage"], buckets=SECONDS)

_FIRST_SOUND = Histogram(
    "hearth_turn_first_sound_seconds",
    "From the moment in which the speaker is known to have finished to the first sound of the answer",
    buckets=SECONDS,
)

_FAILURES = Counter("hearth_server_failures", "Servers that failed in a turn, also where another one did the job")

_TIMERS = Counter("hearth_timers_rung", "Timers that have rung")

_CONNECTED = Gauge(
    "hearth_connected", "1 while it is connected to that, else 0, which is no problem in /healthz", ["to"]
)


class Measures(Observer):
    """Counts what a satellite does."""

    def turn_ended(self, report: TurnReport) -> None:
        """Count a turn and its times."""
        _TURNS.labels(_outcome(report)).inc()
        _FAILURES.inc(len(report.failures))
        for name, stage in report.stages.items():
            if stage.ended is not None:
                _STAGES.labels(name).observe(stage.ended - stage.began)
        listened = report.stages["listen"].ended if "listen" in report.stages else None
        if report.first_sound is not None and listened is not None:
            _FIRST_SOUND.observe(max(0.0, report.first_sound - listened))

    def rang(self, timer: Timer) -> None:  # noqa: ARG002 - one is as good as another
        """Count a timer."""
        _TIMERS.inc()


def _outcome(report: TurnReport) -> str:
    if report.error is not None:
        return "error"
    if report.apology is not None:
        return "apology"
    if not report.heard:
        return "nothing heard"
    return "handled" if report.handled else "not handled"


class Frames(Collector):
    """Tells of a camera's frames that were lost, by reason, when it is asked."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return how many."""
        dropped = CounterMetricFamily("hearth_frames_dropped", "Pictures never looked at", labels=["camera", "reason"])
        for reason, count in dict(self._camera.mailbox.dropped).items():
            dropped.add_metric([self._camera.name, reason], count)
        yield dropped


def watch_frames(camera: Camera) -> None:
    """Tell of `camera`'s frames in `/metrics` from now on."""
    REGISTRY.register(Frames(camera))


def watch_connection(to: str, is_connected: Callable[[], bool]) -> None:
    """Tell in `/metrics` from now on whether there is a connection; `is_connected` is called in another thread."""
    _CONNECTED.labels(to).set_function(lambda: float(is_connected()))
