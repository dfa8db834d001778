"""How a process is, for those who watch over it: `/healthz` for Docker and Kubernetes, `/metrics` for Prometheus.

It is answered from a thread, so that a program whose event loop stands still is seen to be ill and not merely silent.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, SHUT_RDWR
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from wyoming_servers.wire.options import version

__all__ = ["SECONDS", "Health", "Problems", "add_http_option", "serve_health"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets of every histogram of seconds: from a voice activity window to a long answer."""

_LOOP_S = 2.0
"""An event loop that does not answer for so long stands still."""

_HEAD_S = 2.0
"""Longest that a request may take to come in."""

_ANSWER_S = 8.0
"""Longest that its answer may take, the sending included."""

_AT_ONCE = 8
"""Connections at once. One more takes the place of the one whose request has been coming in for longest; where all have
come in, it is hung up on."""

_BACKLOG = 64
"""Connections that the kernel holds for us."""

Problems = Callable[[], Iterable[str]]
"""Returns what keeps the program from its work, a line each; called on the event loop."""

_Begin = Callable[[str, list[tuple[str, str]]], Any]


def add_http_option(parser: ArgumentParser, more: str = "") -> None:
    """Add `--http`; `more` is what else its help has to say."""
    parser.add_argument(
        "--http",
        type=_address,
        metavar="[HOST:]PORT",
        help=f"answer http://HOST:PORT/healthz there, and /metrics for Prometheus (HOST is 127.0.0.1){more}",
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65_536 or (":" in text and not host):
        raise ArgumentTypeError(f"takes PORT or HOST:PORT, like 9090 or 0.0.0.0:9090, not '{text}'")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


@dataclass
class Health:
    """What `/healthz` tells: 200 where nobody has a problem, else 503 with all of them."""

    name: str
    """What this process is called."""

    asked: list[Problems] = field(default_factory=list)
    """Who is asked for problems; more may be added at any time."""

    def problems(self) -> list[str]:
        """Return everybody's."""
        return [problem for ask in self.asked for problem in ask()]


@asynccontextmanager
async def serve_health(address: tuple[str, int] | None, health: Health) -> AsyncIterator[None]:
    """Answer at `address` for the length of a block; not at all where it is None.

    Raises OSError where the address cannot be had.
    """
    if address is None:
        yield
        return
    try:
        server = _Server(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        where = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
        raise OSError(f"cannot listen at http://{where}: {reason}; choose another with --http") from error
    server.set_app(_App(asyncio.get_running_loop(), health))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


@dataclass(slots=True)
class _Caller:
    """Who is connected, and until when."""

    until: float
    asked: bool = False
    """Whether the whole request has come in."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self._callers: dict[Any, _Caller] = {}  # in the order in which they came
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without asking the DNS for the host's name as `HTTPServer` does, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            welcome = len(self._callers) < _AT_ONCE or self._make_room()
            if welcome:
                self._callers[request] = _Caller(time.monotonic() + _HEAD_S)
        if welcome:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def _make_room(self) -> bool:
        for request, caller in self._callers.items():
            if not caller.asked:
                del self._callers[request]
                _hang_up(request)
                return True
        return False

    def has_asked(self, request: Any) -> None:
        """Called by the thread of a request that has come in."""
        with self._lock:
            if request in self._callers:
                self._callers[request] = _Caller(time.monotonic() + _ANSWER_S, asked=True)

    def service_actions(self) -> None:
        """Hang up on who is too slow; called several times a second."""
        now = time.monotonic()
        with self._lock:
            for request, caller in self._callers.items():
                if now > caller.until:
                    _hang_up(request)

    def shutdown_request(self, request: Any) -> None:
        """Called when a request is over."""
        with self._lock:
            self._callers.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of peers that hang up or are too slow."""


def _hang_up(request: Any) -> None:
    with suppress(OSError):
        request.shutdown(SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def parse_request(self) -> bool:
        """Take in the request; whoever sends it byte by byte makes way for others until then."""
        well = super().parse_request()
        if isinstance(self.server, _Server):
            self.server.has_asked(self.request)
        return well

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: they ask every few seconds."""


class _App:
    def __init__(self, loop: asyncio.AbstractEventLoop, health: Health) -> None:
        self._loop = loop
        self._health = health
        self._metrics = make_wsgi_app()

    def __call__(self, environ: Mapping[str, Any], begin: _Begin) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(begin, "405 Method Not Allowed", "GET and HEAD alone are answered here\n")
        if environ["PATH_INFO"] == "/healthz":
            found = self._find()
            told = {"status": "failing" if found else "ok", "name": self._health.name, "version": version()}
            status = "503 Service Unavailable" if found else "200 OK"
            return _answer(begin, status, json.dumps(told | {"problems": found}) + "\n", "application/json")
        if environ["PATH_INFO"] == "/metrics":
            metrics: Iterable[bytes] = self._metrics(environ, begin)
            return metrics
        return _answer(begin, "404 Not Found", "there are /healthz and /metrics\n")

    def _find(self) -> Sequence[str]:
        async def ask() -> list[str]:
            return self._health.problems()

        asking = asyncio.run_coroutine_threadsafe(ask(), self._loop)
        try:
            return asking.result(_LOOP_S)
        except TimeoutError:
            asking.cancel()
            return [f"the program's event loop has not answered for {_LOOP_S:g} s"]


def _answer(begin: _Begin, status: str, text: str, kind: str = "text/plain; charset=utf-8") -> list[bytes]:
    body = text.encode()
    begin(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
