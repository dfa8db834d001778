from __future__ import annotations

import asyncio
import logging
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest

from satellite import event_commands
from satellite.event_commands import AT_ONCE, WAITING, EventCommands, add_event_options, chosen_commands
from satellite.happenings import Happening
from satellite.report import State


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def text_of(path: Path, lines: int = 1) -> str:
    await until(lambda: read(path).count("\n") >= lines)
    return read(path)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - commands tell nobody
            await asyncio.sleep(0.02)


def shell(script: str) -> str:
    return f"sh -c '{script}'"


async def test_what_belongs_to_the_event_comes_on_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with EventCommands({"transcript": shell(f"cat > {out}; echo >> {out}")}) as commands:
        commands.happened(Happening.DETECTION, "okay_nabu")
        commands.happened(Happening.TRANSCRIPT, "mach das Licht an \N{ELECTRIC LIGHT BULB}")
        assert await text_of(out) == "mach das Licht an \N{ELECTRIC LIGHT BULB}\n"


async def test_it_is_told_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_MQTT_PASSWORD", "sesame")
    monkeypatch.setenv("HEARTH_NAME", "kitchen")
    out = tmp_path / "out"
    async with EventCommands({"idle": shell(f"env > {out}; echo end >> {out}")}) as commands:
        commands.became(State.IDLE)
        await until(lambda: read(out).endswith("end\n"))
    assert "HEARTH_NAME=kitchen" in read(out)
    assert "sesame" not in read(out)


async def test_commands_begin_in_the_order_of_what_happened_and_nobody_waits(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = {str(state): shell(f"echo $$ {state} >> {out}; sleep 0.3") for state in State}
    states = [State.LISTENING, State.PROCESSING, State.RESPONDING, State.IDLE]
    async with EventCommands(lines) as commands:
        began = asyncio.get_running_loop().time()
        for state in states:
            commands.became(state)
        assert asyncio.get_running_loop().time() - began < 0.1
        told = [line.split() for line in (await text_of(out, 4)).splitlines()]
        # Who began first may write later; its process has the smaller number.
        assert [state for _, state in sorted(told, key=lambda line: int(line[0]))] == [str(state) for state in states]


async def test_one_that_hangs_is_killed_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_commands, "LONGEST_S", 0.3)
    out = tmp_path / "out"
    async with EventCommands({"error": shell(f"(sleep 1; echo late >> {out}) & echo began >> {out}; sleep 100")}) as it:
        it.happened(Happening.ERROR, "x")
        assert await text_of(out) == "began\n"
        await asyncio.sleep(1.3)
    assert read(out) == "began\n"
    assert "--on-error: " in caplog.text
    assert "has run for 0.3 s and is killed" in caplog.text


async def test_what_a_command_leaves_in_the_background_takes_no_place_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with EventCommands({"idle": shell(f"(sleep 1; echo late >> {out}) & echo began >> {out}")}) as it:
        for _ in range(AT_ONCE + 1):
            it.became(State.IDLE)
        await until(lambda: read(out).count("began") == AT_ONCE + 1)
        assert "late" not in read(out)
    await until(lambda: read(out).count("late") == AT_ONCE + 1)


async def test_at_the_end_none_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with EventCommands({"idle": shell(f"echo began >> {out}; sleep 0.5; echo late >> {out}")}) as it:
        it.became(State.IDLE)
        await text_of(out)
    await asyncio.sleep(0.7)
    assert read(out) == "began\n"


async def test_so_many_run_at_once_and_so_many_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    async with EventCommands({"idle": shell(f"echo x >> {out}; sleep 100")}) as it:
        for _ in range(WAITING + 5):
            it.became(State.IDLE)
        assert caplog.text.count("it is left out") == 5
        await text_of(out, AT_ONCE)
        await asyncio.sleep(0.2)
        assert read(out).count("x") == AT_ONCE


async def test_what_goes_wrong_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with EventCommands({"idle": "no-such-program", "error": shell("echo broken >&2; exit 3")}) as it:
        it.became(State.IDLE)
        it.happened(Happening.ERROR, "x" * 1_000_000)  # which it does not read
        await until(lambda: caplog.text.count("--on-") >= 2)
    assert "--on-idle: 'no-such-program': no such program" in caplog.text
    assert "ended: broken" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_there_is_an_option_for_every_event_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_event_options(parser)
    assert chosen_commands(parser.parse_args([])) == {}
    arguments = [f"--on-{event}=true" for event in (*Happening, *State)]
    assert len(chosen_commands(parser.parse_args(arguments))) == len(Happening) + len(State)
    with pytest.raises(SystemExit):
        parser.parse_args(["--on-idle", "echo 'open"])
    assert "--on-idle 'echo 'open' is no command: No closing quotation" in capsys.readouterr().err
