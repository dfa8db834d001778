from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest
from wyoming.event import Event
from wyoming.ping import Ping

from wyoming_servers.wire import PeerError, connect_to, describe, expect

PROGRAM = Path(__file__).with_name("small_job.py")


class Running:
    """A program, where it listens, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process, said: list[str]) -> None:
        self.process = process
        self.said = said
        self.uri = next(line.rsplit(" ", 1)[1] for line in said if "is ready at" in line)

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit status and how long the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.said += (await self.process.stdout.read()).decode().splitlines()  # type: ignore[union-attr]
        return await self.process.wait(), time.monotonic() - began


async def start(
    *options: str, files: int | None = None, variables: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "ignore:'audioop'", "-P", str(PROGRAM), *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(variables or {})},
        preexec_fn=limit,
    )


@asynccontextmanager
async def running(
    *options: str, files: int | None = None, variables: dict[str, str] | None = None
) -> AsyncIterator[Running]:
    process = await start("--uri", "tcp://127.0.0.1:0", *options, files=files, variables=variables)
    said: list[str] = []
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while not said or "is ready at" not in said[-1]:
                line = await process.stdout.readline()
                assert line, said
                said.append(line.decode().rstrip())
        yield Running(process, said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def outcome(*options: str) -> tuple[int, str]:
    process = await start(*options)
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_and_nothing_is_left(number: int) -> None:
    async with running() as program, connect_to(program.uri) as idle:
        await idle.send(Event("echo"))
        await expect(idle, "echo", 60)
        status, _ = await program.stop(number)
        assert status == 0
        assert program.said[-2:] == ["left []", "INFO tts has stopped"]


async def test_it_stops_within_5_s_whatever_its_clients_do() -> None:
    async with running() as program, AsyncExitStack() as clients:
        for kind in ("hang", "flood", "think", "nothing"):
            client = await clients.enter_async_context(connect_to(program.uri))
            await client.send(Event(kind))
            client._pause_reading()
        await asyncio.sleep(0.2)
        status, seconds = await program.stop()
        assert (status, seconds < 5) == (0, True)
        assert program.said[-2:] == ["left []", "INFO tts has stopped"]


async def test_a_short_work_is_finished_before_it_stops() -> None:
    async with running() as program, connect_to(program.uri) as client:
        await client.send(Event("think"))
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(program.stop())
        await expect(client, "thought", 60)
        assert (await stopping)[0] == 0


async def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        uri = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        status, said = await outcome("--uri", uri)
    assert status == 1
    assert [line for line in said.splitlines() if uri in line] == [
        f"wyoming_servers.tts: cannot listen at {uri}: Address already in use; choose another address with --uri"
    ]
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--uri", "tcp://192.0.2.1:10200"], "Cannot assign requested address"),
        (["--uri", "tcp://name.invalid:10200"], "tcp://name.invalid:10200"),
        (["--uri", "unix:///does/not/exist"], "No such file or directory"),
        (["--uri", "localhost"], "tcp://HOST:PORT"),
        (["--uri", "unix://{tmp}/socket", "--zeroconf"], "leave --zeroconf out"),
        (["--uri", "tcp://127.0.0.1:0", "--zeroconf", "x" * 64], "cannot be a name"),
        (["--uri", "tcp://127.0.0.1:0", "--zeroconf", "--data-dir", "{tmp}/file"], "--data-dir"),
    ],
)
async def test_what_cannot_be_is_one_line_and_status_1(options: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    status, output = await outcome(*(option.replace("{tmp}", str(tmp_path)) for option in options))
    assert status == 1
    [line] = [line for line in output.splitlines() if line.startswith("wyoming_servers.tts: ")]
    assert said in line
    assert "Traceback" not in output


async def test_what_is_not_installed_has_a_status_that_nobody_tries_again() -> None:
    status, output = await outcome("--broken")
    assert status == 2
    assert "pip install 'wyoming-hearth[tts]'" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--nonsense"], "--nonsense"),
        (["--limit-idle-s", "0"], "above 0"),
        (["--limit-idle-s", "nan"], "above 0"),
        (["--limit-idle-s", "long"], "long"),
        (["--limit-connections", "-1"], "above 0"),
        (["--limit-connections", "1.5"], "1.5"),
    ],
)
async def test_wrong_options_are_one_line_and_status_2(options: list[str], said: str) -> None:
    status, output = await outcome(*options)
    assert status == 2
    assert output.count("\n") == 1
    assert said in output


async def test_options_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "idle").write_text("7\n")
    variables = {"HEARTH_LIMIT_CONNECTIONS": "5", "HEARTH_LIMIT_IDLE_S_FILE": str(tmp_path / "idle")}
    async with running(variables=variables) as program:
        assert "limits 7.0 5" in program.said


async def test_help_and_version() -> None:
    status, said = await outcome("--help")
    assert status == 0
    assert "[HEARTH_URI]" in said
    status, said = await outcome("--version")
    assert status == 0
    assert said.strip()


async def test_with_few_files_two_thousand_sockets_keep_nobody_out() -> None:
    async with running(files=128) as program, connect_to(program.uri) as speaker:
        await speaker.send(Event("echo"))
        await expect(speaker, "echo", 60)
        host, port = program.uri.removeprefix("tcp://").split(":")
        sockets = []
        try:
            for number in range(2000):
                sock = socket.socket()
                sockets.append(sock)
                sock.setblocking(False)
                await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
                if number % 3 == 0:
                    sock.send(b"nonsense")
                if number % 100 == 0:
                    await describe(program.uri)
            await speaker.send(Event("echo"))
            await expect(speaker, "echo", 60)
            assert psutil.Process(program.process.pid).num_fds() < 120
        finally:
            for sock in sockets:
                sock.close()
        assert (await program.stop())[0] == 0
        assert not [line for line in program.said if "Traceback" in line or "accept" in line]


async def test_more_connections_than_files_are_refused_by_a_line() -> None:
    async with running("--limit-connections", "1000", files=128) as program:
        assert any("enough for 64 connections" in line for line in program.said)
        async with AsyncExitStack() as clients:
            for _ in range(64):
                client = await clients.enter_async_context(connect_to(program.uri))
                await client.send(Event("hang"))
                await client.send(Ping())
                await expect(client, "pong", 60)
            with pytest.raises(PeerError, match="64 connections are at work"):
                await describe(program.uri)
        await program.stop()
        assert not [line for line in program.said if "Traceback" in line]


async def test_memory_comes_back_after_abuse() -> None:
    async with running() as program:
        process = psutil.Process(program.process.pid)
        await describe(program.uri)
        before = process.memory_info().rss
        host, port = program.uri.removeprefix("tcp://").split(":")
        pieces = [
            b'{"type":"a","payload_length":1048576}\n' + bytes(1_048_575),
            b'{"type":"a","data_length":1048576}\n' + b" " * 1_048_575,
            b'{"type":"a","data_length":1000000}\n{"x":[' + b"[{}]," * 199_998 + b"0]}",
            b"{" + b" " * 65_000,
        ]
        writers = []
        for number in range(100):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(pieces[number % len(pieces)])
            writers.append(writer)
        await asyncio.sleep(1.5)
        assert process.memory_info().rss - before < 50e6
        for writer in writers:
            writer.transport.abort()
        await describe(program.uri)
        assert process.memory_info().rss - before < 50e6
