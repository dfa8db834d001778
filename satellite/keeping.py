"""Small files in which a satellite keeps something over a restart."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wyoming_servers.wire import BadValue
from wyoming_servers.wire.background import Background
from wyoming_servers.wire.files import locked, write_whole

_LOGGER = logging.getLogger(__name__)


class Keeper(Background):
    """Keeps what `_text` tells in the file `path`, written whole and in a thread, whenever `_changed` was set.

    Leaving the block writes what is not written yet. A file that cannot be written is told of and changes nothing else.
    """

    def __init__(self, path: Path, forgotten: str) -> None:
        """`forgotten` says for people what is lost where the file cannot be written."""
        self._path = path
        self._forgotten = forgotten
        self._changed = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._unwatch = self._watch()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unwatch()
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            if self._writing is not None:  # it was cancelled in the middle, and the thread goes on
                await asyncio.wait([self._writing])
            if self._changed.is_set():
                await self._write()

    @abstractmethod
    def _watch(self) -> Callable[[], None]:
        """Let `_changed` be set whenever what is kept becomes another; return what ends that."""

    @abstractmethod
    def _text(self) -> str:
        """Return what is to be kept."""

    async def _write(self) -> None:
        """Write it down, to the end even when cancelled."""
        self._changed.clear()
        self._writing = asyncio.create_task(asyncio.to_thread(self._put, self._text()))
        await asyncio.shield(self._writing)

    def _put(self, text: str) -> None:
        try:
            with locked(self._path.parent):
                write_whole(self._path, text + "\n")
        except OSError as error:
            _LOGGER.warning("%s will be forgotten: %s: %s", self._forgotten, self._path, error.strerror)


def read_kept(path: Path, most_bytes: int) -> Any:
    """Return the JSON in a file that was kept; raise OSError, FileNotFoundError among them, or `BadValue`."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - a pipe is not waited for
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadValue("it is no file")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise BadValue(f"it has more than {most_bytes} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadValue(f"it is no JSON: {error}") from None
