"""What a server's `/metrics` tell of real requests, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from wyoming.tts import Synthesize, SynthesizeStart

from satellite.services.rehearsal import free_ports
from wyoming_servers import workers
from wyoming_servers.process import WorkerDied
from wyoming_servers.wire import PeerError, answer, connect_to, expect

pytest.importorskip("espeakng_loader", reason="needs espeak-ng: pip install 'wyoming-hearth[tts]'")


class Measured:
    """A tts server with its figures."""

    def __init__(self, uri: str, port: int) -> None:
        self.uri = uri
        self._port = port

    async def read(self, path: str) -> str:
        def get() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=60) as got:
                return str(got.read().decode())

        return await asyncio.to_thread(get)

    async def value(self, name: str, **labels: str) -> float:
        """Return the sample of that name and labels, 0 where there is none."""
        for family in text_string_to_metric_families(await self.read("/metrics")):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return 0.0

    async def reaches(self, wanted: float, name: str, **labels: str) -> None:
        async with asyncio.timeout(60):
            while await self.value(name, **labels) != wanted:  # noqa: ASYNC110 - the test looks from outside
                await asyncio.sleep(0.05)


@asynccontextmanager
async def tts(folder: Path) -> AsyncIterator[Measured]:
    wyoming, http = free_ports(2)
    uri = f"tcp://127.0.0.1:{wyoming}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "wyoming_servers.tts", "--engine", "embedded"),
        *("--uri", uri, "--http", str(http), "--data-dir", str(folder)),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            while b"is ready at" not in (line := await process.stderr.readline()):
                assert line, "the server has ended"
        yield Measured(uri, http)
    finally:
        process.terminate()
        await process.communicate()


async def test_requests_errors_and_times_are_counted(tmp_path: Path) -> None:
    async with tts(tmp_path) as server:
        async with connect_to(server.uri) as client:
            for _ in range(2):
                await client.send(Synthesize(text="hello"))
                await expect(client, "audio-stop", 60)
            await client.send(Synthesize(text="hello", voice=None), Synthesize(text="x" * 20_001))
            with pytest.raises(PeerError, match="20001 characters"):
                while True:
                    await answer(client)
            await client.send(SynthesizeStart())
            await server.reaches(1, "hearth_connections")
        await server.reaches(3, "hearth_requests_total", request="synthesize", outcome="ok")
        await server.reaches(1, "hearth_requests_total", request="synthesize", outcome="error")
        await server.reaches(1, "hearth_requests_total", request="synthesize-start", outcome="gone")
        await server.reaches(0, "hearth_connections")
        assert await server.value("hearth_errors_total", code="bad-value") == 1
        assert await server.value("hearth_request_seconds_count", request="synthesize") == 4
        assert await server.value("hearth_queue_seconds_count", engine="espeak-ng") == 5
        assert await server.value("hearth_queue_length", engine="espeak-ng") == 0
        assert await server.value("hearth_engine_seconds_count", engine="espeak-ng", call="speak") >= 3
        assert await server.value("hearth_engine_memory_bytes", engine="espeak-ng") > 10_000_000
        assert await server.value("hearth_engine_starts_total", engine="espeak-ng") == 1
        assert json.loads(await server.read("/healthz"))["name"] == "tts"


async def test_an_engine_that_is_gone_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(workers, "_RESTART_S", (60.0,))
    pool = workers.Processes("tests.wyoming_servers.engines:make", count=1, name="tested")
    await pool.start()
    try:
        assert workers.problems() == []
        with pytest.raises(WorkerDied):
            async with pool.stream() as stream:
                await stream.call("die")
        assert workers.problems() == ["tested: no process of this engine is ready"]
    finally:
        await pool.close()
    assert workers.problems() == []


async def test_an_engine_that_rests_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pool = workers.Processes("tests.wyoming_servers.engines:make", count=1, keep_alive_s=0.01)
    await pool.start()
    try:
        async with asyncio.timeout(60):
            while pool.memory_bytes():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert workers.problems() == []
    finally:
        await pool.close()
