"""A web server with faults to order: plain files, and as much of the Hugging Face Hub as pulling needs."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FileServer:
    """What it has, what it does wrong, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By path, "/labels.txt"; those of a repository are "/owner/name/resolve/REVISION/file"."""

    small: set[str] = field(default_factory=set)
    """Paths of repositories' files that are in git itself, not in LFS."""

    cuts: list[int] = field(default_factory=list)
    """After how many bytes of its body each of the next answers is cut; in turn by a close and by a reset."""

    status: dict[str, int] = field(default_factory=dict)
    """The error that a path is answered with."""

    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every answer besides; goes before what is sent otherwise."""

    ranges: bool = True
    gate: threading.Event | None = None
    """A body stops half-way until it is set."""

    gated: str = ""
    """Of which paths: how they end."""

    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers."""

    def add(self, repo: str, name: str, content: bytes, *, small: bool = False) -> None:
        """Put a file into a repository of the Hub."""
        path = f"/{repo}/resolve/{REVISION}/{name}"
        self.files[path] = content
        if small:
            self.small.add(path)

    def bodies(self) -> int:
        """Return how many bodies were asked for."""
        return sum(method == "GET" and not path.startswith("/moved/") for method, path, _ in self.requests)


@contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    """Run it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            server.requests.append((self.command, self.path, dict(self.headers)))
            path = self.path.removeprefix("/moved")
            if path in server.status:
                self._start(server.status[path], {})
            elif path not in server.files:
                self._start(404, {"X-Error-Code": "EntryNotFound"} if "/resolve/" in path else {})
            elif "/resolve/" in path:
                self._hub(path, server.files[path])
            else:
                self._body(server.files[path])

        def _hub(self, path: str, content: bytes) -> None:
            if path in server.small:
                etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                headers = {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION}
            else:
                etag = hashlib.sha256(content).hexdigest()
                size = str(len(content))
                headers = {"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": size, "X-Repo-Commit": REVISION}
            if path in server.small or self.path.startswith("/moved/"):
                self._body(content, headers)
            else:  # what is in LFS is on another host
                port = server.address.rpartition(":")[2]
                self._start(302, headers | {"Location": f"http://localhost:{port}/moved{path}"})

        def _body(self, content: bytes, headers: dict[str, str] | None = None) -> None:
            start = 0
            asked = self.headers.get("Range", "")
            headers = {"Content-Length": str(len(content))} | (headers or {})
            if asked and server.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self._start(416, {})
                    return
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                headers["Content-Length"] = str(len(content) - start)
            self._start(206 if "Content-Range" in headers else 200, headers)
            if self.command == "HEAD":
                return
            body = content[start:]
            if server.cuts and server.cuts[0] < len(body):
                self.wfile.write(body[: server.cuts.pop(0)])
                if len(server.cuts) % 2:  # closed with this it is a reset
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            half = len(body) // 2
            self.wfile.write(body[:half])
            if server.gate and self.path.endswith(server.gated):
                server.gate.wait(30)
            self.wfile.write(body[half:])

        def _start(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in (headers | server.headers).items():
                self.send_header(name, value)
            self.end_headers()

        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        if server.gate:
            server.gate.set()
        http.shutdown()
        thread.join()
        http.server_close()
