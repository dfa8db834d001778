"""`hearth up` for real: five servers and a satellite, each server killed in the middle of a turn."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from wyoming.tts import Synthesize

from satellite.commands.common import PORTS
from satellite.commands.say import speak
from satellite.services.rehearsal import free_ports
from wyoming_servers.wire.audio import AudioConverter

QUESTION = "What time is it?"
INTENT = "HassGetCurrentTime"
LONG_S = 60.0


class House:
    """A running `hearth up`, whose microphone hears what is put into a folder."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, ports: dict[str, int], http: int) -> None:
        self.process = process
        self.http = http
        self.folder = folder
        self.ports = ports
        self.states: dict[str, tuple[str, int | None]] = {}
        """Newest state and process of each server."""
        self.turns: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._changed = asyncio.Event()

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            event = json.loads(line)
            if event["event"] == "server":
                self.states[event["job"]] = (event["state"], event["pid"])
                self._changed.set()
                self._changed = asyncio.Event()
            elif event["event"] == "turn":
                self.turns.put_nowait(event)

    async def ready(self, job: str, but_not: int | None = None) -> int:
        """Return the process of a server that is ready, when it is another one than `but_not`."""
        async with asyncio.timeout(LONG_S):
            while True:
                state, pid = self.states.get(job, ("", None))
                if state == "ready" and pid is not None and pid != but_not:
                    return pid
                await self._changed.wait()

    async def get(self, path: str) -> str:
        def get() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as got:
                return str(got.read().decode())

        return await asyncio.to_thread(get)

    async def say(self, pcm: bytes) -> None:
        await asyncio.sleep(0.5)  # the room's echo of the house's own voice has died away
        part = self.folder / "part"
        part.write_bytes(pcm)
        part.rename(self.folder / "say")

    async def ask(self, pcm: bytes) -> dict[str, Any]:
        """Say it, again if nobody listened at that moment, and return the turn."""
        while True:
            await self.say(pcm)
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    return await self.turns.get()

    async def spoken(self, text: str) -> bytes:
        converter: AudioConverter | None = None
        pcm = b""
        async for piece, form in speak(f"tcp://127.0.0.1:{self.ports['tts']}", Synthesize(text=text)):
            converter = converter or AudioConverter(*form)
            pcm += converter.convert(piece)
        assert converter is not None
        return pcm + converter.flush()


@asynccontextmanager
async def hearth_up(folder: Path) -> AsyncIterator[House]:
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    http = free_ports(1)[0]
    talker = shlex.join([sys.executable, str(Path(__file__).parent / "talker.py"), str(folder)])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "up", "--json", "--data-dir", folder / "data"),
        *(f"--port={job}={port}" for job, port in ports.items()),
        *(f"--server={job}=tcp://127.0.0.1:{port}" for job, port in ports.items()),
        *("--mic-command", talker, "--snd-folder", folder / "answers", f"--http={http}"),
        stdout=asyncio.subprocess.PIPE,
    )
    house = House(process, folder, ports, http)
    reading = asyncio.create_task(house.read())
    try:
        yield house
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)
        await reading


@pytest.mark.timeout(300)
async def test_any_server_may_die_in_the_middle_of_a_turn(tmp_path: Path) -> None:
    async with hearth_up(tmp_path) as house:
        for job in PORTS:
            await house.ready(job)
        question = await house.spoken(QUESTION)
        first = await house.ask(question)
        assert (first["intent"] or {}).get("name") == INTENT, first
        for job in PORTS:
            pid = await house.ready(job)
            await house.say(question)
            await asyncio.sleep(0.6)  # somebody is speaking
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(LONG_S):
                turn = await house.turns.get()
            assert turn["error"] is None, job
            assert turn["apology"] or turn["reply"], job
            assert "speak" in turn["stages"], job
            back = await house.ready(job, but_not=pid)
            assert back != pid
            again = await house.ask(question)
            assert again["intent"] == {"name": INTENT, "slots": {}}, job
            assert again["failures"] == [], job
        assert json.loads(await house.get("/healthz"))["status"] == "ok"
        assert f'hearth_turn_stage_seconds_count{{stage="speak"}} {2 * len(PORTS) + 1}.0' in await house.get("/metrics")
    assert house.process.returncode == 0
    assert {state for state, _ in house.states.values()} == {"stopped"}
    for port in house.ports.values():
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_without_a_microphone_the_servers_run_on(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "up", "--data-dir", tmp_path, "--mic-command", "no-such-program"),
        *(f"--port={job}={port}" for job, port in zip(PORTS, free_ports(len(PORTS)), strict=True)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said = (await process.stderr.readline()).decode()
    assert "there is no satellite here, the servers run on" in said
    assert "no-such-program" in said
    ready: set[str] = set()
    while len(ready) < len(PORTS):
        words = (await process.stdout.readline()).decode().split()
        if "ready" in words:
            ready.add(words[0])
    process.send_signal(signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert b"Traceback" not in error
