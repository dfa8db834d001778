"""What a model is to read, as text: its chat template, from its file, makes it of a conversation.

A template is a program (Jinja) by whoever made the file. It runs in a process of its own, within bounds
(`models.llama.rendering`), and is tried at the start, so that a broken or hostile one is told of in a line.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from models.engine import EngineError, Exchange
from models.llama.calls import MARK

_RENDER_S = 2.0
"""For a text. A real template takes a millisecond."""

_WHY_CHARACTERS = 200


class Template(ABC):
    """Makes the text that a model goes on from."""

    tells_of_tools = False
    """Whether it tells the model of its tools by itself."""

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

    def __init__(self, source: str, *, bos: str, eos: str, model: str, tools: Sequence[dict[str, Any]] = ()) -> None:
        """Compile and try it; `model` is its name in messages. Raises `EngineError`.

        `tools` are told of where it knows how to tell of them so that they are called as `models.llama.calls` says.
        """
        self._model = model
        self._given: dict[str, Any] = {
            "bos_token": bos,
            "eos_token": eos,
            "add_generation_prompt": True,
            **dict.fromkeys(("tools", "tool_choice", "functions", "function_call")),
        }
        self._renderer = _Renderer(source)
        self._takes_system = True
        self._takes_system = self._takes_system_prompt()
        self._try()
        self.tells_of_tools = bool(tools) and self._tells_of(tools)

    def render(self, system: str, history: Sequence[Exchange], last: Exchange) -> str:
        """Return the text; where the template knows no system prompt, it goes before the first thing said."""
        messages = [{"role": "system", "content": system}] if system and self._takes_system else []
        for exchange in history:
            messages.append({"role": "user", "content": exchange.told})
            messages.append({"role": "assistant", "content": exchange.answered})
        messages.append({"role": "user", "content": last.told})
        if system and not self._takes_system:
            messages[0]["content"] = f"{system}\n\n{messages[0]['content']}"
        try:
            return self._renderer.text({**self._given, "messages": messages})
        except _Fault as fault:
            raise EngineError(f"the chat template of {self._model} cannot be used{fault}") from None

    def _takes_system_prompt(self) -> bool:
        try:
            return "PERSONA" in self.render("PERSONA", [], Exchange("LAST", ""))
        except EngineError:
            return False  # Gemma's, for one, raises; with any other fault `_try` fails too

    def _tells_of(self, tools: Sequence[dict[str, Any]]) -> bool:
        """Take `tools` where the template tells of each, and of the mark, and of what is said as without them."""
        self._given["tools"] = list(tools)
        try:
            self._try()
            text = self.render("PERSONA", [], Exchange("LAST", ""))
        except EngineError:
            text = ""
        if all(word in text for word in (MARK, *(tool["function"]["name"] for tool in tools))):
            return True
        self._given["tools"] = None
        return False

    def _try(self) -> None:
        text = self.render("PERSONA", [Exchange("FIRST", "ANSWER")], Exchange("LAST", ""))
        places = [text.find(word) for word in ("PERSONA", "FIRST", "ANSWER", "LAST")]
        if -1 in places or places != sorted(places):
            raise EngineError(
                f"the chat template of {self._model} cannot be used: it leaves out, or turns about, what was said"
            )


def template_of(
    source: str | None, *, bos: str, eos: str, model: str, tools: Sequence[dict[str, Any]] = ()
) -> Template:
    """Return how to talk to a model whose file has the template `source`, None for none. Raises as `ChatTemplate`."""
    if source is None:
        return Continuation()
    chat = ChatTemplate(source, bos=bos, eos=eos, model=model, tools=tools)
    # Some files of models that cannot chat have a template all the same, which puts nothing around what is said.
    alone = chat.render("", [], Exchange("LAST", ""))
    return Continuation() if alone.removeprefix(bos).strip() == "LAST" else chat


class _Fault(Exception):
    """What is wrong with a template, to be put after that it cannot be used."""


class _Renderer:
    """The process that renders a template (`models.llama.rendering`), started again where it was ended.

    Not for two threads at once.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None

    def text(self, given: dict[str, Any]) -> str:
        """Return what the template makes of `given`; raise `_Fault`."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "models.llama.rendering"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            try:
                self._ask({"template": self._source, "seconds": _RENDER_S})
            except _Fault:
                self.close()
                raise
        return str(self._ask(given)["text"])

    def _ask(self, given: dict[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = b""
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(given).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            status = self.close()
            raise _Fault(
                f": it does not end within {_RENDER_S:g} s"
                if status == -signal.SIGALRM
                else f": its process ended with status {status}"
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            where = f", line {answer['line']}" if answer["line"] else ""
            raise _Fault(f"{where}: {' '.join(answer['error'].split())[:_WHY_CHARACTERS]}")
        return answer

    def close(self) -> int:
        """End the process and return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with process:  # closes its input, which ends it, and waits
            pass
        return process.returncode

    def __del__(self) -> None:
        self.close()
