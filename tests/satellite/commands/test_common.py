from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from satellite.commands.common import Output, printable


def test_strangers_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31mred\n\u202eb") == "a [31mred  b"
    assert printable("küche 灯") == "küche 灯"


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=False)
    output.record(a=1)
    output.line("[bold]one\ntwo", "red")
    output.table(("name", "jobs"), [("kitchen", "asr"), ("x", "")])
    assert capsys.readouterr().out == "[bold]one two\nNAME     JOBS\nkitchen  asr\nx\n"


def test_objects(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.record(name="küche", jobs=["asr"])
    output.line("one")
    output.table(("name",), [("x",)])
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "küche", "jobs": ["asr"]}
    assert "küche" in out


def test_a_narrow_terminal_cuts_no_name() -> None:
    name = "a-name-of-some-length"
    drawn = io.StringIO()
    Console(width=40, file=drawn).print(Output.as_table(("name", "jobs", "what"), [(name, "asr", "long " * 20)]))
    assert name in drawn.getvalue()
