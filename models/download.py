"""One file from the network: it grows in a part file, and every cut, also the end of the process, is where it goes on.

Neither `pooch` nor `huggingface_hub` can do that: the former never asks for the rest of a file, the latter (2.4) does
so within one process only and then throws away what it had. Both take a file that was fetched here; who may fetch it,
what it must be and where it lies is their business.

::

    DownloadError       the file cannot be had; the message says what to do
    └── Mismatch        what the server has is not what the catalogue says
    Stopped             the user wants no more
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import urlsplit

from models.engine import EngineError

Action = Literal["check", "fetch", "cut", "wait"]

Progress = Callable[[Action, str, int, int], None]
"""Told what goes on: the action, the file's name, how many of its bytes are done, and of how many. `cut` is told once
for each cut connection, `wait` while another process pulls the same model."""

Cancelled = Callable[[], bool]
"""Asked between blocks; True means that the user wants no more."""

_STALL_S = 20.0
"""Without a byte for so long a connection counts as cut."""

_TRIES = 5
"""Connections in a row that may bring nothing."""

_PAUSE_S = 0.5
"""Before the next try; doubled each time that one brings nothing."""

_BLOCK = 256 * 1024
_NETWORK = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class DownloadError(EngineError):
    """The file cannot be had; the message is one line that says what to do."""


class Mismatch(DownloadError):
    """What the server has is not what the catalogue says."""


class Stopped(Exception):
    """The user wants no more; the part stays and the next pull goes on from it."""


def fetch(
    url: str,
    part: Path,
    *,
    name: str,
    size: int,
    headers: Mapping[str, str] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> None:
    """Make `part` `size` bytes long, going on from what it holds; what it holds is not checked.

    `name` is the file's, for messages. `headers` go to the first server only, never to where it redirects. Raises
    `DownloadError`, or `Stopped` when `cancelled` says so; the part is kept then.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    if _length(part) > size:
        part.unlink()
    idle = 0
    began = _length(part)
    while (have := _length(part)) < size:
        pause_s = _PAUSE_S
        try:
            with part.open("ab") as file:
                _go_on(url, file, name=name, size=size, headers=headers or {}, progress=progress, cancelled=cancelled)
                file.flush()
                os.fsync(file.fileno())
            why = "the connection was cut"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # what we have is not part of what is there now
                part.unlink()
            elif error.code not in _AGAIN:
                raise DownloadError(explain(url, name, error.code)) from error
            why = f"{host(url)} answers {error.code} {error.reason}"
            with suppress(TypeError, ValueError):
                pause_s = min(float(error.headers["Retry-After"]), 30.0)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            why = unreachable(url, error)
            if _length(part) == began and isinstance(error, urllib.error.URLError):
                raise DownloadError(why) from error  # never came through: no blip, but no network
        except OSError as error:
            if error.errno not in _NETWORK:
                raise DownloadError(f"{name} cannot be written to {part.parent}: {error.strerror}") from error
            why = unreachable(url, error)
        if _length(part) >= size:
            break
        idle = 0 if _length(part) > have else idle + 1
        if idle >= _TRIES:
            raise DownloadError(f"{name} stops at {_length(part)} of {size} bytes ({why}): pull again to go on there")
        progress("cut", name, _length(part), size)
        _sleep(pause_s * 2 ** max(0, idle - 1) if idle else 0.0, cancelled)


def _go_on(
    url: str,
    part: BinaryIO,
    *,
    name: str,
    size: int,
    headers: Mapping[str, str],
    progress: Progress,
    cancelled: Cancelled,
) -> None:
    """Append what one connection brings."""
    have = part.tell()
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - catalogued http(s)
    for header, value in headers.items():
        request.add_unredirected_header(header, value)
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _opener().open(request, timeout=_STALL_S) as response:
        start, total = _extent(response)
        if total is not None and total != size:
            raise Mismatch(
                f"{name} is {total} bytes at {host(url)}, and must be {size}: it was changed there; update Hearth"
            )
        if start > have:
            raise http.client.HTTPException(f"bytes from {start} on were sent instead of {have}")
        if start < have:  # the server knows no ranges
            part.truncate(start)
            have = start
        while have < size:
            if cancelled():
                raise Stopped
            block = response.read1(min(_BLOCK, size - have))
            if not block:
                return
            part.write(block)
            have += len(block)
            progress("fetch", name, have, size)


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where the body starts in the file, and the file's size where the server tells it."""
    if response.status == 206 and (match := _RANGE.fullmatch(response.headers.get("Content-Range", ""))):
        return int(match[1]), int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    with suppress(ImportError):  # where the system has no certificates, those that pip's packages bring
        import certifi

        context.load_verify_locations(certifi.where())
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def digest(path: Path, algorithm: str, *, name: str, progress: Progress, cancelled: Cancelled) -> str:
    """Return a file's checksum in hexadecimal; "git" is git's of a blob. Raises OSError or `Stopped`."""
    size = path.stat().st_size
    done = 0
    state = hashlib.sha1(usedforsecurity=False) if algorithm == "git" else hashlib.new(algorithm)
    if algorithm == "git":
        state.update(b"blob %d\0" % size)
    with path.open("rb") as file:
        while block := file.read(4 * _BLOCK):
            if cancelled():
                raise Stopped
            state.update(block)
            done += len(block)
            progress("check", name, done, size)
    return state.hexdigest()


def host(url: str) -> str:
    """Return the server's name."""
    return urlsplit(url).hostname or url


def explain(url: str, name: str, status: int) -> str:
    """Say in one line what an HTTP status means here, and what to do."""
    if status in (401, 403):
        return f"{host(url)} refuses {name} ({status}): if it asks for an account or its terms, see docs/models.md"
    if status in (404, 410):
        return f"{host(url)} no longer has {name} ({status}): update Hearth, or pull another model"
    return f"{host(url)} answers {status} for {name}: try again later"


def wrong_bytes(url: str, name: str) -> Mismatch:
    """Return the error of a file whose checksum is wrong."""
    return Mismatch(
        f"{name} from {host(url)} has wrong bytes and was thrown away: pull again; if that does not help, something "
        "between here and there changes files"
    )


def unreachable(url: str, error: BaseException) -> str:
    """Say in one line that a server cannot be reached, and what to do."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"no connection to {host(url)} ({text}): is this machine online? For one that is not, see docs/models.md"


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sleep(seconds: float, cancelled: Cancelled) -> None:
    end = time.monotonic() + seconds
    while not cancelled():
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.1))
    raise Stopped
