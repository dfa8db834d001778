"""What a server counts of its work, for `/metrics`; named as Prometheus recommends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from wyoming_servers.wire.health import SECONDS

ERRORS = Counter("hearth_errors", "Errors that clients were told", ["code"])

CONNECTIONS = Gauge("hearth_connections", "Connections that have a place")

FRAMES = Counter("hearth_frames", "Pictures answered, by what became of them", ["status"])

QUEUE = Gauge("hearth_queue_length", "Requests that wait for a place in an engine", ["engine"])

QUEUED = Histogram("hearth_queue_seconds", "How long they waited for it", ["engine"], buckets=SECONDS)

CALLS = Histogram("hearth_engine_seconds", "Calls into an engine's process", ["engine", "call"], buckets=SECONDS)

STARTS = Counter("hearth_engine_starts", "Processes of an engine that were started", ["engine"])

MEMORY = Gauge("hearth_engine_memory_bytes", "Resident memory of an engine's processes", ["engine"])

_REQUESTS = Counter("hearth_requests", "Requests that have ended", ["request", "outcome"])

_REQUEST_SECONDS = Histogram(
    "hearth_request_seconds", "From a request's first event to its last answer", ["request"], buckets=SECONDS
)


class Request:
    """One request of a client, counted when it ends."""

    def __init__(self, event_type: str) -> None:
        """`event_type` is the Wyoming event that begins it."""
        self._event_type = event_type
        self._began = time.monotonic()

    def end(self, outcome: str) -> None:
        """Say that it has ended: "ok", "error", or "gone" where its client went before."""
        _REQUESTS.labels(self._event_type, outcome).inc()
        _REQUEST_SECONDS.labels(self._event_type).observe(time.monotonic() - self._began)


@contextmanager
def timed(histogram: Histogram) -> Iterator[None]:
    """Observe how long a block takes where it ends well; what is cancelled or fails says nothing of the work."""
    began = time.monotonic()
    yield
    histogram.observe(time.monotonic() - began)
