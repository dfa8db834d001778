"""Long work in a thread that tells how far it is: bars on a terminal, a line now and then elsewhere, or JSON."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from models.store.download import Action, Cancelled

from .common import Output, tell

T = TypeVar("T")

_EVERY_S = {True: 1.0, False: 10.0}
"""How often a program (with --json) and a log hear of the same file."""

_ENDING_S = 2.0
"""How long work may take to end when it is told to; then it is left behind, and ends with the process."""

_WORDS: dict[Action, str] = {"check": "checking", "fetch": "fetching", "cut": "cut", "wait": "waiting"}


class Watch:
    """A `models.store.download.Progress` of one model; call it from any thread, inside `with`."""

    def __init__(self, model: str, output: Output) -> None:
        self._model = model
        self._output = output
        self._told: dict[tuple[Action, str], float] = {}
        self._bars: dict[tuple[Action, str], Any] = {}
        self._progress: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Make room for bars where a person looks."""
        if not self._output.json and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            columns = progress.BarColumn(), progress.DownloadColumn(), progress.TransferSpeedColumn()
            text = progress.TextColumn("{task.description}", markup=False)
            bars = progress.Progress(
                text, *columns, progress.TimeRemainingColumn(), console=Console(stderr=True), transient=True
            )
            self._progress = self._stack.enter_context(bars)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bars away."""
        self._stack.close()
        self._progress = None

    def __call__(self, action: Action, file: str, have: int, size: int) -> None:
        """Tell it."""
        if action == "wait":
            self._say(action, file, have, size, f"another process pulls {self._model}: waiting for it")
        elif action == "cut":
            self._say(action, file, have, size, f"the connection was cut at {mb(have)} of {mb(size)}: going on")
        elif self._progress is not None:
            key = action, file
            if key not in self._bars:
                self._bars[key] = self._progress.add_task(f"{_WORDS[action]} {file}", total=size)
            self._progress.update(self._bars[key], completed=have)
        elif self._is_time(action, file, whole=have == size):
            self._say(action, file, have, size, f"{_WORDS[action]} {file}: {mb(have)} of {mb(size)}")

    def _is_time(self, action: Action, file: str, *, whole: bool) -> bool:
        """Return whether to tell now: at the start, now and then, at the end; people hear of long checks only."""
        now = time.monotonic()
        last = self._told.setdefault((action, file), now)
        quiet = action == "check" and not self._output.json
        if now - last < _EVERY_S[self._output.json] and (quiet or not (whole or last == now)):
            return False
        self._told[action, file] = now
        return True

    def _say(self, action: Action, file: str, have: int, size: int, text: str) -> None:
        if self._output.json:
            self._output.record(model=self._model, action=action, file=file, have=have, size=size)
        elif self._progress is not None:
            self._progress.console.print(f"hearth: {text}", highlight=False, markup=False)
        else:
            tell(text)


async def in_thread(work: Callable[[Cancelled], T]) -> T:
    """Return `work(cancelled)`, done in a thread of its own. If this is cancelled, so is the work."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    stop = threading.Event()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work(stop.is_set)
        except BaseException as error:  # noqa: BLE001 - all of them are raised where they are waited for
            failure = error
        with suppress(RuntimeError):  # the loop has gone
            loop.call_soon_threadsafe(settle, result, failure)

    # No thread of the loop's pool: that would be waited for, and a connection that brings nothing takes its time.
    threading.Thread(target=run, daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([done], timeout=_ENDING_S)
        if done.done() and not done.cancelled():
            done.exception()  # seen: nobody is told of it
        raise


def mb(size: int) -> str:
    """Return bytes in units for people."""
    if size < 100_000:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 10_000_000 else f"{size / 1e6:.0f} MB"
