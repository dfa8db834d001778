"""A command that runs as long as sound flows through it, and everything that it started."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from wyoming_servers.wire.secrets import without_secrets

_STDERR_BYTES = 4096

_LOOK_S = 0.02
"""How soon it is noticed that a command has ended."""


class Command:
    """A process in a session of its own, so that it is killed with all that it started."""

    def __init__(self, line: str, option: str, example: str) -> None:
        """Raise ValueError, naming the option, for a line that is no command."""
        try:
            self.arguments = shlex.split(line)
        except ValueError as error:
            raise ValueError(f"{option} '{line}' is no command: {error}") from error
        if not self.arguments:
            raise ValueError(f"{option} is empty; it takes a command such as '{example}'")
        self.process: Process | None = None
        self._stderr = b""
        self._reading: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        return shlex.join(self.arguments)

    async def start(self, *, stdin: int = DEVNULL, stdout: int = DEVNULL) -> Process:
        """Start it, connected by `PIPE` or a pipe's end; raise OSError, its message in `strerror`."""
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *self.arguments,
                stdin=stdin,
                stdout=stdout,
                stderr=PIPE,
                start_new_session=True,
                env=without_secrets(),
            )
        except FileNotFoundError as error:
            raise OSError(error.errno, f"'{self.arguments[0]}': no such program") from error
        except OSError as error:
            raise OSError(error.errno, f"'{self.arguments[0]}' cannot be started: {error.strerror}") from error
        self._reading = asyncio.create_task(self._read_stderr(process))
        return process

    async def ended(self) -> int:
        """Wait until it has ended, whatever it has left in the background, and return its status.

        Before Python 3.12.5 `Process.wait` would wait for those as well that hold its pipes.
        """
        assert self.process is not None
        while self.process.returncode is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_LOOK_S)
        return self.process.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Kill it and let nothing of it remain."""
        self.kill()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self.process is not None:
            # `wait` alone waits for the pipes as well; one that is full, or that a child of its own holds, never ends.
            for descriptor in range(3):
                if (pipe := self.process._transport.get_pipe_transport(descriptor)) is not None:  # type: ignore[attr-defined]
                    pipe.close()
            await self.process.wait()

    async def last_words(self) -> str:
        """Return the last line that it wrote to standard error before it ended, or its exit status."""
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=1)
        if self.process is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.process.wait()
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else f"exit status {self.process.returncode if self.process else None}"

    async def _read_stderr(self, process: Process) -> None:
        assert process.stderr is not None
        while piece := await process.stderr.read(_STDERR_BYTES):
            self._stderr = (self._stderr + piece)[-_STDERR_BYTES:]
