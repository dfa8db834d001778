"""An event loop that neither a dead DNS server nor the garbage collector holds up.

asyncio's own asks for hosts' names in the pool of threads that files and devices need as well. A question that nobody
answers cannot be taken back: it would hold a thread of the pool, and keep the process from ending. So each name is
asked for in a thread of its own.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["run", "settle"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, as `asyncio.run` does, on such a loop."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


def settle() -> None:
    """Say that what has been made until now stays, so that the garbage collector no longer looks through it.

    It does so every few seconds where many events come, and the loop stands still meanwhile: 20 to 30 ms for all that a
    server is made of, several times that where others want the processor as well.
    """
    gc.collect()
    gc.freeze()


class _Loop(asyncio.SelectorEventLoop):
    """`create_connection`, aiohttp and all else on it find names through `getaddrinfo`."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[tuple[Any, ...], asyncio.Future[list[Any]]] = {}
        """By question. One that is asked again meanwhile is the same: a thread for each name, however often it is
        tried."""

    async def getaddrinfo(self, *question: Any, **how: Any) -> list[Any]:
        """Return the addresses, as `socket.getaddrinfo` does. Cancelled, the thread ends unheard."""
        key = (*question, *sorted(how.items()))
        if (answer := self._asked.get(key)) is None:
            answer = self._asked[key] = self.create_future()
            answer.add_done_callback(lambda _: self._asked.pop(key))
            threading.Thread(target=self._ask, args=(answer, question, how), name="names", daemon=True).start()
        return list(await asyncio.shield(answer))

    def _ask(self, answer: asyncio.Future[list[Any]], question: tuple[Any, ...], how: dict[str, Any]) -> None:
        found: list[Any] = []
        failure: Exception | None = None
        try:
            found = list(socket.getaddrinfo(*question, **how))
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            failure = error
        with suppress(RuntimeError):  # the loop has gone
            self.call_soon_threadsafe(_settle, answer, found, failure)


def _settle(answer: asyncio.Future[list[Any]], found: list[Any], failure: Exception | None) -> None:
    if failure is None:
        answer.set_result(found)
    else:
        answer.set_exception(failure)
        answer.exception()  # seen: those who asked may have gone
