"""Microphone and speaker as commands that write, or read, raw sound: `arecord … -t raw`, `aplay … -t raw`, sox, ssh."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import Process

import numpy as np

from wyoming_servers.wire import UnsupportedAudio
from wyoming_servers.wire.audio import WIDTH, Format, check_format

from .command import Command
from .microphone import CHUNK_SAMPLES, Intake, Microphone, MicrophoneError
from .speaker import AHEAD_S, Sink, SpeakerError

MIC_COMMAND = "arecord -q -r 16000 -c 1 -f S16_LE -t raw"
MIC_FORMAT = (16_000, 2, 1)
SND_COMMAND = "aplay -q -r 22050 -c 1 -f S16_LE -t raw"
SND_FORMAT = (22_050, 2, 1)

_LATE_S = 3.0
"""How much longer than it should a command may take before it is called stuck and killed."""


class CommandMicrophone(Microphone):
    """A command that writes sound to its standard output for as long as it runs."""

    def __init__(self, line: str, sound: Format = MIC_FORMAT, samples_per_chunk: int = CHUNK_SAMPLES) -> None:
        """Raise `MicrophoneError` for a command or a format that cannot be."""
        try:
            self._command = Command(line, "--mic-command", MIC_COMMAND)
            self._format = check_format(*sound)
        except (ValueError, UnsupportedAudio) as error:
            raise MicrophoneError(f"microphone: {error}") from error
        self.name = f"command {self._command.arguments[0]}"
        self._chunk_bytes = samples_per_chunk * sound[1] * sound[2]
        self._reading: asyncio.Task[None] | None = None

    async def _open(self) -> None:
        self.intake = Intake(*self._format)
        try:
            process = await self._command.start("stdout")
        except OSError as error:
            raise MicrophoneError(f"microphone: {error.strerror}") from error
        self._reading = asyncio.create_task(self._read(process))

    async def _close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._command.close()

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while pcm := await process.stdout.read(self._chunk_bytes):
            self.intake.push(pcm, time.monotonic())
        self.intake.fail(MicrophoneError(f"microphone: '{self._command}' ended: {await self._command.last_words()}"))


class CommandSink(Sink):
    """A command that plays what it reads from its standard input; one process for each thing said."""

    def __init__(self, line: str, sound: Format = SND_FORMAT) -> None:
        """Raise `SpeakerError` for a command or a format that cannot be."""
        try:
            self._command = Command(line, "--snd-command", SND_COMMAND)
            rate, self._width, self._channels = check_format(*sound)
        except (ValueError, UnsupportedAudio) as error:
            raise SpeakerError(f"speaker: {error}") from error
        super().__init__(rate)
        self.name = f"command {self._command.arguments[0]}"
        self._input: asyncio.StreamWriter | None = None
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the command; raise `SpeakerError`."""
        try:
            process = await self._command.start("stdin")
        except OSError as error:
            raise SpeakerError(f"speaker: {error.strerror}") from error
        self._input = process.stdin
        self._watching = asyncio.create_task(self._watch(process))

    async def put(self, pcm: bytes) -> None:
        """Hand sound to the command; raise `SpeakerError` where it has ended or takes nothing."""
        if self._input is None or self.gone.is_set() or self._input.is_closing():
            raise SpeakerError(f"speaker: '{self._command}' ended: {await self._command.last_words()}")
        self._input.write(to_format(pcm, self._width, self._channels))
        most = (AHEAD_S + _LATE_S) * self.rate * self._width * self._channels
        if self._input.transport.get_write_buffer_size() > most:
            raise SpeakerError(f"speaker: '{self._command}' takes no sound")

    async def end(self) -> None:
        """Close the command's input: it plays what it has and ends. aplay begins a short sound only then."""
        if self._input is not None:
            self._input.close()

    async def drain(self) -> None:
        """Wait for the command's end, which should be now; raise `SpeakerError` where it failed or hangs."""
        process = self._command.process
        if process is None:
            return
        try:
            async with asyncio.timeout(_LATE_S):
                status = await process.wait()
        except TimeoutError:
            raise SpeakerError(
                f"speaker: '{self._command}' did not end {_LATE_S:g} s after the sound should have"
            ) from None
        if status:
            raise SpeakerError(f"speaker: '{self._command}' ended: {await self._command.last_words()}")

    def stop(self) -> None:
        """Kill the command: with it goes the sound that the device still had."""
        super().stop()
        self._command.kill()

    async def close(self) -> None:
        """Let nothing of the command remain."""
        await self._command.close()
        if self._watching is not None:
            await asyncio.wait([self._watching])

    async def _watch(self, process: Process) -> None:
        """Notice a command that dies while it should play."""
        if await process.wait():
            self.gone.set()


def to_format(pcm: bytes, width: int, channels: int) -> bytes:
    """Return 16-bit mono `pcm` in samples of `width` bytes (1 unsigned, as WAV has it), the same on every channel."""
    if (width, channels) == (WIDTH, 1):
        return pcm
    samples = np.frombuffer(pcm, "<i2").astype("<i4")
    shifted = (samples >> 8) + 128 if width == 1 else samples << 8 * (width - WIDTH)
    little_endian = shifted.astype("<i4").view(np.uint8).reshape(-1, 1, 4)[:, :, :width]
    return np.repeat(little_endian, channels, axis=1).tobytes()
