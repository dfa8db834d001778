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
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Literal
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

_LONGEST_PAUSE_S = 30
"""However long a busy server asks to wait."""

_BLOCK = 256 * 1024
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "wyoming-hearth"}
_NETWORK = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT}
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")


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
    model: str,
    name: str,
    size: int,
    headers: Mapping[str, str] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> None:
    """Make `part` `size` bytes long, going on from what it holds; what it holds is not checked.

    `model` and `name`, the file's, are for messages. `headers` go to the first server only, never to where it
    redirects. Raises `DownloadError`, or `Stopped` when `cancelled` says so; the part is kept then.
    """
    what = f"{model}'s {name}"
    part.parent.mkdir(parents=True, exist_ok=True)
    if _length(part) > size:
        part.unlink()
    idle = 0
    began = most = _length(part)
    while _length(part) < size:
        pause_s = _PAUSE_S
        try:
            with part.open("ab", buffering=0) as file:
                told = partial(progress, "fetch", name)
                _go_on(url, file, what=what, size=size, headers=headers or {}, progress=told, cancelled=cancelled)
                os.fsync(file.fileno())
            why = "the connection was cut"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # what we have is not part of what is there now
                part.unlink()
            elif error.code not in _AGAIN:
                raise DownloadError(explain(url, what, error.code)) from error
            why = f"{host(url)} answers {error.code} {error.reason}"
            pause_s = min(_number(error.headers.get("Retry-After")) or _PAUSE_S, _LONGEST_PAUSE_S)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
            why = unreachable(url, error)
            if _length(part) == began and isinstance(error, urllib.error.URLError):
                raise DownloadError(why) from error  # never came through: no blip, but no network
        except OSError as error:
            if error.errno not in _NETWORK and not isinstance(error, ssl.SSLError):
                raise DownloadError(f"{what} cannot be written to {part.parent}: {error.strerror}") from error
            why = unreachable(url, error)
        have = _length(part)
        if have == size:
            break
        idle = 0 if have > most else idle + 1
        most = max(most, have)
        if idle == _TRIES:
            raise DownloadError(f"{what} stops at {have} of {size} bytes ({why}): pull again to go on there")
        progress("cut", name, have, size)
        _sleep(pause_s * 2 ** max(0, idle - 1) if idle else 0.0, cancelled)


def _go_on(
    url: str,
    part: FileIO,
    *,
    what: str,
    size: int,
    headers: Mapping[str, str],
    progress: Callable[[int, int], None],
    cancelled: Cancelled,
) -> None:
    """Append what one connection brings."""
    have = part.tell()
    request = urllib.request.Request(url, headers=_HEADERS)  # noqa: S310 - catalogued http(s)
    for header, value in headers.items():
        request.add_unredirected_header(header, value)
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _opener().open(request, timeout=_STALL_S) as response:
        start, total = _extent(response)
        if total is not None and total != size:
            raise Mismatch(
                f"{what} is {total} bytes at {host(url)}, and must be {size}: it was changed there; update Hearth"
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
            rest = memoryview(block)
            while rest:
                rest = rest[part.write(rest) :]
            have += len(block)
            progress(have, size)


def _extent(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where the body starts in the file, and the file's size where the server tells it."""
    if response.status == 206 and (match := _RANGE.fullmatch(response.headers.get("Content-Range", ""))):
        return int(match[1]), int(match[2])
    return 0, _number(response.headers.get("Content-Length"))


def _number(header: str | None) -> int | None:
    """Return a header's number; None where it is none, or beyond all reason."""
    return int(header) if header and re.fullmatch(r"[0-9]{1,18}", header) else None


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    with suppress(ImportError):  # where the system has no certificates, those that pip's packages bring
        import certifi  # type: ignore[import-not-found, unused-ignore]

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


def explain(url: str, what: str, status: int) -> str:
    """Say in one line what an HTTP status means here, and what to do."""
    if status in (401, 403):
        return f"{host(url)} refuses {what} ({status}): if it asks for an account or its terms, see docs/models.md"
    if status in (404, 410):
        return f"{host(url)} no longer has {what} ({status}): update Hearth, or pull another model"
    return f"{host(url)} answers {status} for {what}: try again later"


def wrong_bytes(url: str, model: str, name: str) -> Mismatch:
    """Return the error of a file whose checksum is wrong."""
    return Mismatch(
        f"{model}'s {name} from {host(url)} has wrong bytes and was thrown away: pull again; if that does not help, "
        "something between here and there changes files"
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
