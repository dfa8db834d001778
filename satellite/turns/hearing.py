"""What was said: the utterance streams to an asr server while it is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from satellite.listening.utterance import Utterance
from satellite.tasks import beside
from wyoming_servers.wire import Connection, Fields, answer
from wyoming_servers.wire.audio import RATE, WIDTH

from .asking import Asker, Silent

if TYPE_CHECKING:
    from satellite.network.watch import Server

EXTERNAL_VAD_S = 0.7
"""Silence that ends an utterance where the server leaves that to us."""

OWN_VAD_S = 1.5
"""Silence after which we end it although the server said that it would."""


async def hear(
    asker: Asker, utterance: Utterance, *, language: str | None, began: Callable[[], None]
) -> tuple[str, str | None]:
    """Return the words and their language, where the server tells it. The words may be "".

    `began` is called when the first sound is sent. Raises `StageFailed`.
    """

    async def attempt(connection: Connection, server: Server) -> tuple[str, str | None]:
        program = next((program for program in server.info.asr if program.installed), None)
        external = program is None or program.requires_external_vad
        silence = EXTERNAL_VAD_S if external else OWN_VAD_S
        return await beside(_transcript(connection), _send(connection, silence))

    async def _send(connection: Connection, silence: float) -> None:
        await connection.send(Transcribe(language=language))
        began()
        await connection.send(AudioStart(rate=RATE, width=WIDTH, channels=1))
        async for chunk in utterance.read(silence):
            await connection.send(AudioChunk(rate=RATE, width=WIDTH, channels=1, audio=chunk.pcm))
        await connection.send(AudioStop())
        await asyncio.sleep(asker.patience.silent)
        raise Silent(f"it made no transcript within {asker.patience.silent:g} s after the speech")

    return await asker.ask("asr", attempt)


async def _transcript(connection: Connection) -> tuple[str, str | None]:
    while True:
        event = await answer(connection)
        if event.type == "transcript":
            fields = Fields("transcript", event.data)
            return fields.text("text").strip(), fields.optional_text("language")
