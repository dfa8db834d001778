"""An engine that talks, for the tests of the handle server, built in a worker process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from models.engine import Answering, BadInput, Exchange, Responder


class Talker(Responder):
    """Answers with what was said and, when asked to wait, goes on for ever; `log` tells what became of it."""

    def __init__(self, log: str, name: str = "talker") -> None:
        self.name, self.version, self.languages = name, "1", ["en-GB"]
        self._log = Path(log)

    def open(
        self,
        *,
        text: str,
        history: Sequence[Exchange],
        conversation: str = "",
        facts: str = "",
        unfinished: bool = False,
    ) -> Talking:
        if text == "refuse":
            raise BadInput("no")
        if unfinished:
            return Talking(text, [], f"read {text}", self._log)
        told = (f"(after {one.told}: {one.answer})".replace("\n", "|") for one in history)
        pieces = ["", f"{conversation}, {facts} You said: ", text, *told]
        if text == "name thyself":
            pieces = [f"I am {self.name}"]
        return Talking(text, ["", ""] if text == "nothing" else pieces, text, self._log)


class Talking(Answering):
    def __init__(self, text: str, pieces: Sequence[str], end: str, log: Path) -> None:
        self._text, self._end, self._log = text, end, log
        self._pieces = iter(pieces)

    def more(self) -> str | None:
        if self._text == "wait":
            time.sleep(0.05)
            return "still waiting"
        return next(self._pieces, None)

    def __del__(self) -> None:
        with self._log.open("a") as log:
            log.write(f"{self._end}\n")


def crash(**arguments: object) -> Talker:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError(arguments)
