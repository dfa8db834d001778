"""WAV files as a client sends them: checked first, then read piece by piece, so that an hour takes no more memory."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from wyoming.audio import AudioChunk, AudioStart, AudioStop

from wyoming_servers.wire import Connection, ConnectionLost, UnsupportedAudio
from wyoming_servers.wire.audio import RATE, WIDTH, AudioConverter

from .common import CommandError

T = TypeVar("T")

_PIECES_PER_S = 10

_ANSWER_S = 60.0
"""Longest wait for the answer once all is sent: an engine on a small machine may lag behind."""

_LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that holds sound."""

    path: Path
    seconds: float


def open_recording(path: Path) -> Recording:
    """Return what is in the file at `path`; raise `CommandError` where that is no sound."""
    if path.is_dir():
        raise CommandError("a folder; name the WAV files in it")
    if path.exists() and not path.is_file():
        raise CommandError("not a file")
    try:
        with wave.open(str(path), "rb") as file:
            AudioConverter(file.getframerate(), file.getsampwidth(), file.getnchannels())
            block, rate = file.getsampwidth() * file.getnchannels(), file.getframerate()
            frames = min(file.getnframes(), path.stat().st_size // block)  # a header may promise more than there is
            if not file.readframes(1):
                raise CommandError("the file holds no sound")
    except OSError as error:
        raise CommandError(error.strerror or str(error)) from error
    except (wave.Error, EOFError) as error:
        raise CommandError(f"not a WAV file of PCM samples ({error or 'it ends too early'})") from error
    except UnsupportedAudio as error:
        raise CommandError(error.text) from error
    return Recording(path, frames / rate)


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """Yield the sound in the file as 16 kHz 16-bit mono, a tenth of a second at a time.

    A file that is shorter than its header says ends where it ends. Raises `CommandError` where it cannot be read.
    """
    try:
        with wave.open(str(path), "rb") as file:
            converter = AudioConverter(file.getframerate(), file.getsampwidth(), file.getnchannels())
            block = file.getsampwidth() * file.getnchannels()
            count = max(1, file.getframerate() // _PIECES_PER_S)
            while data := await asyncio.to_thread(file.readframes, count):
                if pcm := converter.convert(data[: len(data) - len(data) % block]):
                    yield pcm
            if pcm := converter.flush():
                yield pcm
    except (OSError, wave.Error, EOFError) as error:
        raise CommandError(f"cannot be read any more: {error}") from error


async def ask_about(connection: Connection, path: Path, answer: Coroutine[Any, Any, T], *, end: bytes = b"") -> T:
    """Send the sound in the file, then `end`, as fast as the server takes it, and return what `answer` makes of it.

    The answer may come early: what is left is not sent then. Raises what `answer` raises, `CommandError` where the file
    cannot be read, and `ConnectionLost`, also where no answer comes for a minute after the end.
    """
    sending = asyncio.create_task(_send(connection, path, end))
    answering = asyncio.create_task(answer)
    try:
        await asyncio.wait([sending, answering], return_when=asyncio.FIRST_COMPLETED)
        failure = sending.exception() if sending.done() else None
        # A server that ends the connection has said why before.
        await asyncio.wait([answering], timeout=_ANSWER_S if failure is None else _LAST_WORDS_S)
        if answering.done():
            return answering.result()
        raise failure or ConnectionLost(f"{connection.peer} did not answer within {_ANSWER_S:g} s")
    finally:
        sending.cancel()
        answering.cancel()
        await asyncio.wait([sending, answering])


async def _send(connection: Connection, path: Path, end: bytes) -> None:
    await connection.send(AudioStart(rate=RATE, width=WIDTH, channels=1))
    async for pcm in pieces(path):
        await connection.send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm))
    if end:
        await connection.send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=end))
    await connection.send(AudioStop())
