"""A whole house for a while: servers of its own, and a satellite that hears recordings. For demo, bench and tests."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from camera.camera import Camera
from satellite.eyes import Eyes
from satellite.network.servers import NoServer, Servers
from satellite.network.trust import Trust
from satellite.network.watch import Server
from satellite.report import Observer, TurnReport
from satellite.satellite import Satellite
from satellite.sound.answers import FolderSink
from satellite.sound.clips import QUIET_S, ClipMicrophone, ClipTimes
from satellite.sound.speaker import Speaker

from .supervisor import Supervisor, server_program

JOBS: Final = ("vad", "tts", "asr", "handle", "image")

_START_S = 120.0
"""A first start may have to build caches."""

_FIND_S = 10.0
_TURN_S = 60.0
"""Longest wait for the end of a turn after its question."""


class OwnServers:
    """The servers that were started for this house, found by zeroconf as any other, and none beside them."""

    def __init__(self, servers: Servers, supervisor: Supervisor, uris: Mapping[str, str]) -> None:
        self.uris = uris
        """By job."""
        self.supervisor = supervisor
        self._servers = servers
        self._own = frozenset(uris.values())

    def candidates(self, job: str) -> list[Server]:
        """Return our server for `job`, if it answers."""
        return [server for server in self._servers.candidates(job) if server.uri in self._own]

    def mark_failed(self, server: Server) -> None:
        """Learn that `server` failed at its work."""
        self._servers.mark_failed(server)

    async def changed(self) -> None:
        """Wait until a server has come, gone or changed."""
        await self._servers.changed()

    async def found(self) -> None:
        """Return when all are found; raise `NoServer` when that takes too long."""
        try:
            async with asyncio.timeout(_FIND_S):
                while not all(self.candidates(job) for job in self.uris):
                    await self.changed()
        except TimeoutError:
            missing = [job for job in self.uris if not self.candidates(job)]
            raise NoServer(
                f"the {', '.join(missing)} server runs but is not found by zeroconf; see: hearth doctor"
            ) from None


@asynccontextmanager
async def own_servers(
    data_dir: Path,
    *,
    jobs: Sequence[str] = JOBS,
    engine: str = "embedded",
    options: Mapping[str, Sequence[str]] | None = None,
    output: Callable[[str, str], None] | None = None,
) -> AsyncIterator[OwnServers]:
    """Run servers for `jobs` as processes on free ports of this machine for the length of a block.

    `engine` is what their `--engine` is told, `options` are further ones by job. `output` takes what they write, line
    by line. When the block begins all were found. Raises `SupervisorError` where one will not start and `NoServer`
    where one is not found.
    """
    uris = {job: f"tcp://127.0.0.1:{port}" for job, port in zip(jobs, free_ports(len(jobs)), strict=True)}
    programs = [
        server_program(job, uri, ["--data-dir", str(data_dir), "--engine", engine, *(options or {}).get(job, [])])
        for job, uri in uris.items()
    ]
    async with (
        Servers(trust=Trust.kept_in(data_dir)) as servers,
        Supervisor(programs, output=output) as supervisor,
    ):
        own = OwnServers(servers, supervisor, uris)
        await supervisor.ready(_START_S)
        await own.found()
        yield own


def free_ports(count: int) -> list[int]:
    """Return as many TCP ports of loopback that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listening.getsockname()[1] for listening in sockets]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question."""

    times: ClipTimes
    """When it was heard."""

    report: TurnReport | None
    """The turn; None where nobody noticed that somebody spoke."""

    @property
    def first_sound_ms(self) -> int | None:
        """Milliseconds from the true end of speech to the first sound of the answer."""
        if self.report is None or self.report.first_sound is None:
            return None
        return round((self.report.first_sound - self.times.speech_ended) * 1000)


class Rehearsal(Observer):
    """A satellite whose microphone hears what it is asked and whose answers become WAV files."""

    def __init__(self, servers: OwnServers, answers: Path, camera: Camera | None) -> None:
        self._microphone = ClipMicrophone()
        self._name = ""
        self._began = asyncio.Event()
        self._reports: asyncio.Queue[TurnReport] = asyncio.Queue()
        speaker = Speaker(f"folder {answers}", lambda name: FolderSink(answers, self._name or name))
        eyes = None if camera is None else Eyes(camera, servers)
        self._satellite = Satellite(self._microphone, speaker, servers, eyes=eyes, observer=self)

    async def ask(self, pcm: bytes, name: str = "") -> Asked:
        """Say `pcm` (16 kHz 16-bit mono) to the house when it listens, and return when it has answered.

        `name` becomes that of the answer's file. At least 1.5 s of quiet follow. Raises `MicrophoneError` for a clip in
        which nothing can be heard.
        """
        await self._satellite.ready()
        self._name = name
        self._began.clear()
        self._reports = asyncio.Queue()
        times = await self._microphone.play(pcm)
        report = None
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                await self._began.wait()
            async with asyncio.timeout(_TURN_S):
                report = await self._reports.get()
        await asyncio.sleep(times.ended + QUIET_S - time.monotonic())
        return Asked(times, report)

    async def run(self) -> None:
        """Be the satellite until cancelled."""
        await self._satellite.run()

    def turn_began(self, report: TurnReport) -> None:  # noqa: ARG002 - that it did is enough
        """Take note."""
        self._began.set()

    def turn_ended(self, report: TurnReport) -> None:
        """Pass it on to who asked."""
        self._reports.put_nowait(report)


@asynccontextmanager
async def rehearse(servers: OwnServers, answers: Path, *, camera: Camera | None = None) -> AsyncIterator[Rehearsal]:
    """Yield a satellite that runs for the length of the block, and keeps its answers in the folder `answers`.

    Where it fails, the block is cancelled and an ExceptionGroup with the failure comes out of it.
    """
    rehearsal = Rehearsal(servers, answers, camera)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(rehearsal.run(), name="satellite")
        yield rehearsal
        running.cancel()
