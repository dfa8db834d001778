"""What a model is to read, as text: its chat template, from its file, makes it of a conversation.

A template is a program (Jinja) by whoever made the file. It runs in Jinja's sandbox, and is tried at the start with
bounded time and memory, so that a broken or hostile one is told of in a line.
"""

from __future__ import annotations

import os
import resource
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.engine import EngineError, Exchange

_TRIAL_S = 2.0
_TRIAL_BYTES = 256 << 20
"""A real template takes a millisecond, and no memory to speak of."""

_WHY_CHARACTERS = 200


class Template(ABC):
    """Makes the text that a model goes on from."""

    @abstractmethod
    def render(self, system: str, history: Sequence[Exchange], last: Exchange) -> str:
        """Return the text up to where the answer to `last` begins; raise `EngineError` where that cannot be made."""


class Continuation(Template):
    """For a model without a chat template: it goes on with what was said, and knows no conversation."""

    def render(self, system: str, history: Sequence[Exchange], last: Exchange) -> str:  # noqa: ARG002
        """Return what was said."""
        return last.text


class ChatTemplate(Template):
    """The one in the model's file."""

    def __init__(self, source: str, *, bos: str, eos: str, model: str) -> None:
        """Compile and try it, in the main thread; `model` is its name in messages. Raises `EngineError`."""
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._model = model
        self._takes_system = True
        with _bounded(f"the chat template of {model}"):
            try:
                self._formatter: Any = Jinja2ChatFormatter(source, eos_token=eos, bos_token=bos)
            except Exception as error:  # noqa: BLE001 - whatever a stranger's program does
                raise self._broken(error) from None
            self._takes_system = self._takes_system_prompt()
            self._try()

    def render(self, system: str, history: Sequence[Exchange], last: Exchange) -> str:
        """Return the text; where the template knows no system prompt, it goes before the first thing said."""
        messages = [{"role": "system", "content": system}] if system and self._takes_system else []
        for exchange in history:
            messages.append({"role": "user", "content": exchange.told})
            messages.append({"role": "assistant", "content": exchange.answer})
        messages.append({"role": "user", "content": last.told})
        if system and not self._takes_system:
            messages[0]["content"] = f"{system}\n\n{messages[0]['content']}"
        try:
            return str(self._formatter(messages=messages).prompt)
        except Exception as error:  # noqa: BLE001
            raise self._broken(error) from None

    def _takes_system_prompt(self) -> bool:
        try:
            return "PERSONA" in self.render("PERSONA", [], Exchange("LAST", ""))
        except EngineError:
            return False  # Gemma's, for one, raises; with any other fault `_try` fails too

    def _try(self) -> None:
        text = self.render("PERSONA", [Exchange("FIRST", "ANSWER")], Exchange("LAST", ""))
        places = [text.find(word) for word in ("PERSONA", "FIRST", "ANSWER", "LAST")]
        if -1 in places or places != sorted(places):
            raise self._broken(ValueError("it leaves out, or turns about, what was said"))

    def _broken(self, error: Exception) -> EngineError:
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        line = f", line {number}" if isinstance(number := getattr(error, "lineno", None), int) else ""
        return EngineError(
            f"the chat template of {self._model} cannot be used{line}: {' '.join(why.split())[:_WHY_CHARACTERS]}"
        )


def template_of(source: str | None, *, bos: str, eos: str, model: str) -> Template:
    """Return how to talk to a model whose file has the template `source`, None for none. Raises as `ChatTemplate`."""
    if source is None:
        return Continuation()
    chat = ChatTemplate(source, bos=bos, eos=eos, model=model)
    # Some files of models that cannot chat have a template all the same, which puts nothing around what is said.
    alone = chat.render("", [], Exchange("LAST", ""))
    return Continuation() if alone.removeprefix(bos).strip() == "LAST" else chat


class _TooLong(BaseException):
    """Nobody's `except Exception` holds it."""


@contextmanager
def _bounded(what: str) -> Iterator[None]:
    """Bound the time and the memory of a block in the main thread; raise `EngineError` past them."""

    def too_long(*_: object) -> None:
        raise _TooLong

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * os.sysconf("SC_PAGE_SIZE") + _TRIAL_BYTES
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, _TRIAL_S)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
        yield
    except _TooLong:
        raise EngineError(f"{what} does not end within {_TRIAL_S:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
