from __future__ import annotations

import json

import pytest

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
