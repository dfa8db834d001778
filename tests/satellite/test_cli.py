"""The command `hearth` as somebody at a terminal meets it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType

import pytest

from satellite import cli
from satellite.commands.common import CommandError, UsageError
from wyoming_servers.wire import ConnectionLost
from wyoming_servers.wire.options import version

HEAVY = ("onnxruntime", "ctranslate2", "llama_cpp", "pocketsphinx", "torch", "cv2", "hassil", "sounddevice", "numpy")


def hearth(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "satellite", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A command `vad` whose `run` the test sets."""
    module = ModuleType("satellite.commands.vad", "Tells nothing.")

    def add_options(parser: ArgumentParser) -> None:
        parser.add_argument("--debug", action="store_true")

    module.add_options = add_options  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "satellite.commands.vad", module)
    return module


def let_run(module: ModuleType, result: int | BaseException) -> None:
    async def run(_: Namespace) -> int:
        if isinstance(result, BaseException):
            raise result
        return result

    module.run = run  # type: ignore[attr-defined]


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "satellite", "--help"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & set(HEAVY)
    for name in cli.COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: hearth {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == version()


def test_alone_it_helps_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trnscribe"], "there is no command 'trnscribe', did you mean 'transcribe'?"),
        (["xyzzy"], "there is no command 'xyzzy' (see hearth --help)"),
        (["--josn"], "unrecognized arguments: --josn"),
        (["transcribe"], "the following arguments are required: FILE"),
        (["discover", "--secnds", "3"], "unrecognized arguments: --secnds 3"),
        (["discover", "--seconds", "soon"], "invalid float value: 'soon'"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("hearth")
    assert said in error
    assert error.count("\n") == 1


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEARTH_JSON", "1")
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out.startswith('{"name"')


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CommandError("there is\nno such thing"), 1, "hearth: there is no such thing\n"),
        (UsageError("nonsense"), 2, "hearth: nonsense\n"),
        (ConnectionLost("nobody is there"), 1, "hearth: nobody is there\n"),
        (FileNotFoundError(2, "No such file or directory", "x.wav"), 1, "hearth: x.wav: No such file or directory\n"),
        (ExceptionGroup("tasks", [ConnectionLost("nobody is there")]), 1, "hearth: nobody is there\n"),
        (KeyError("x"), 1, "hearth: unexpected KeyError: 'x' (--debug shows where)\n"),
    ],
)
def test_an_error_is_one_line(
    command: ModuleType, error: Exception, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    let_run(command, error)
    assert cli.main(["vad"]) == status
    assert capsys.readouterr() == ("", said)


def test_debug_shows_where_an_error_came_from(command: ModuleType) -> None:
    let_run(command, KeyError("x"))
    with pytest.raises(KeyError):
        cli.main(["vad", "--debug"])


def test_sigterm_is_no_failure_of_a_service(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_: Namespace) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
        return 0

    command.run = run  # type: ignore[attr-defined]
    assert cli.main(["vad"]) == 143
    monkeypatch.setitem(sys.modules, "satellite.commands.up", command)
    assert cli.main(["up"]) == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_command_in_good_order(number: signal.Signals, status: int, tmp_path: Path) -> None:
    with hearth("discover", "--watch", "--data-dir", str(tmp_path)) as process:
        time.sleep(1.0)  # until it waits for servers
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in error
    assert not error
    assert isinstance(out, str)


def test_who_reads_our_output_may_leave() -> None:
    with hearth("doctor") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        error = process.stderr.read()
        assert process.wait(timeout=30) == 143
    assert not error


def test_a_thread_that_nobody_waits_for_does_not_keep_it_from_ending() -> None:
    script = (
        "import asyncio, os, signal, sys, time\n"
        "from satellite import cli\n"
        "from satellite.commands import satellite\n"
        "async def run(args):\n"
        "    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.to_thread(time.sleep, 60)\n"
        "satellite.run = run\n"
        "sys.exit(cli.main(['satellite']))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=30, check=False).returncode == 0
