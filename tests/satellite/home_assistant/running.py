"""A satellite for Home Assistant as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SILENCE = "sh -c 'while head -c 640 /dev/zero; do sleep 0.02; done'"  # ends, as arecord does, when nobody reads


@asynccontextmanager
async def satellite(folder: Path, uri: str, name: str | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one, until it is killed; advertised where it has a `name`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "satellite", "satellite", "--home-assistant", "--uri", uri),
        *(("--no-zeroconf",) if name is None else ("--zeroconf", name)),
        *("--data-dir", str(folder), "--mic-command", SILENCE, "--snd-folder", str(folder / "said")),
    )
    try:
        await listening(uri)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listening(uri: str) -> None:
    """Wait until somebody listens there, as Home Assistant does, which tries again and again."""
    host, _, port = uri.removeprefix("tcp://").rpartition(":")
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
