"""wyoming-faster-whisper, the server that people use for Whisper today, in a virtual environment of its own."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.report import BenchError, progress

VERSION = "3.8.1"

_VENV = Path(__file__).parents[1] / ".standins" / "venv-wyoming-faster-whisper"
_START_S = 60.0


@asynccontextmanager
async def wyoming_faster_whisper(model: Path, folder: Path, *options: str) -> AsyncIterator[tuple[str, int]]:
    """Run it with the weights in `model` for the length of a block; yields its address and its process's id.

    It is installed the first time. `folder` holds its data and log. Raises `BenchError` where it will not start.
    """
    await _install()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "wyoming-faster-whisper.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(_VENV / "bin" / "python"), "-P", "-m", "wyoming_faster_whisper"),
            *("--uri", f"tcp://127.0.0.1:{port}", "--model", str(model), "--data-dir", str(folder)),
            *("--stt-library", "faster-whisper", "--local-files-only", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await _listens(port, process)
        yield f"tcp://127.0.0.1:{port}", process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(round(_START_S / 0.1)):
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise BenchError(f"wyoming-faster-whisper {VERSION} does not start with these weights")


async def _install() -> None:
    mark = _VENV / f".installed-{VERSION}"
    if mark.exists():
        return
    progress(f"installing wyoming-faster-whisper {VERSION} in {_VENV}, to compare with")
    await _run(sys.executable, "-m", "venv", str(_VENV))
    pip = (str(_VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check")
    await _run(*pip, f"wyoming-faster-whisper=={VERSION}")
    mark.touch()


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise BenchError(f"wyoming-faster-whisper {VERSION} cannot be installed: {last}")
