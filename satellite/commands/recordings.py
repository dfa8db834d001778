"""WAV files as a client sends them: checked first, then read piece by piece, so that an hour takes no more memory."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from wyoming.audio import AudioChunk, AudioStart, AudioStop

from wyoming_servers.wire import Connection, ConnectionLost, UnsupportedAudio
from wyoming_servers.wire.audio import RATE, WIDTH, wav_pieces

from .common import CommandError

T = TypeVar("T")

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
        with closing(wav_pieces(path)) as sound:
            if not next(sound, b""):
                raise CommandError("the file holds no sound")
    except UnsupportedAudio as error:
        raise CommandError(error.text.removeprefix(f"{path}: ")) from error
    with wave.open(str(path), "rb") as file:
        block = file.getsampwidth() * file.getnchannels()
        frames = min(file.getnframes(), path.stat().st_size // block)  # a header may promise more than there is
        return Recording(path, frames / file.getframerate())


async def ask_about(connection: Connection, path: Path, answer: Coroutine[Any, Any, T]) -> T:
    """Send the sound in the file as fast as the server takes it, and return what `answer` makes of it.

    The answer may come early: what is left is not sent then. Raises what `answer` raises, `UnsupportedAudio` where the
    file cannot be read, and `ConnectionLost`, also where no answer comes for a minute after the end.
    """
    sending = asyncio.create_task(_send(connection, path))
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


async def _send(connection: Connection, path: Path) -> None:
    await connection.send(AudioStart(rate=RATE, width=WIDTH, channels=1))
    with closing(wav_pieces(path)) as sound:
        while pcm := await asyncio.to_thread(next, sound, b""):
            await connection.send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=pcm))
    await connection.send(AudioStop())
