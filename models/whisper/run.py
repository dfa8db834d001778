"""Work that begins before anybody knows whether it is wanted: in a thread, to be waited for or thrown away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

Stop = Callable[[], bool]
"""Asked between pieces of work; True means that nobody wants the rest."""


class Stopped(Exception):
    """The work has ended early, as it was told to."""


class Run(Generic[T]):
    """One piece of work, begun at once."""

    def __init__(self, work: Callable[[Stop], T]) -> None:
        """`work` is called in a thread of its own; told to stop, it raises `Stopped`."""
        self._stopped = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        # The thread alone keeps `work`, and lets it go: it may well refer to the owner of this run, with all its sound.
        self._thread = threading.Thread(target=self._do, args=(work,), daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """True when the thread has ended, whatever came of it."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Tell the work that nobody wants it; it ends at its next pause."""
        self._stopped.set()

    def wait(self) -> T:
        """Return what the work returned, waiting for it; raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value] # no error, so there is a result

    def _do(self, work: Callable[[Stop], T]) -> None:
        try:
            self._result = work(self._stopped.is_set)
        except Stopped as stopped:  # its traceback would hold all that was at work, in a circle with this run
            self._error = stopped.with_traceback(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
            self._error = error
