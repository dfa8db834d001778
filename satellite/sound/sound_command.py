"""Microphone and speaker as commands that write, or read, raw sound: `arecord … -t raw`, `aplay … -t raw`, sox, ssh."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

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

PIECE_S = 0.02
"""Of sound that waits in the pipe: together with what the command holds itself, a change of the volume waits for it."""

HUNGRY_S = 2.0
"""A command that takes all that it is given (ssh does) gets so much before it is to be heard."""

_APLAY = "--buffer-time=100000"
"""Microseconds that aplay holds; it would hold 0.5 s."""

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
            process = await self._command.start(stdout=PIPE)
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
    """A command that plays what it reads from its standard input; one process for each thing said.

    What it has not taken yet stays here: the volume is heard as soon as it changes, and a stop drops all of it.
    """

    def __init__(self, line: str, sound: Format = SND_FORMAT) -> None:
        """Raise `SpeakerError` for a command or a format that cannot be."""
        try:
            self._command = Command(line, "--snd-command", SND_COMMAND)
            rate, self._width, self._channels = check_format(*sound)
        except (ValueError, UnsupportedAudio) as error:
            raise SpeakerError(f"speaker: {error}") from error
        super().__init__(rate)
        self.name = f"command {self._command.arguments[0]}"
        _keep_little(self._command.arguments)
        self._sound = bytearray()
        self._ended = False
        self._changed = asyncio.Event()
        self._pipe: int | None = None  # to the command
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start the command; raise `SpeakerError`."""
        reading, self._pipe = os.pipe()
        try:
            process = await self._command.start(stdin=reading)
        except OSError as error:
            raise SpeakerError(f"speaker: {error.strerror}") from error
        finally:
            os.close(reading)
        os.set_blocking(self._pipe, False)
        with suppress(OSError, AttributeError):  # Linux alone can
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, round(PIECE_S * self._bytes_a_second))
        self._tasks = [asyncio.create_task(self._feed(self._pipe)), asyncio.create_task(self._watch(process))]

    async def put(self, pcm: bytes) -> None:
        """Let the command have more; raise `SpeakerError` where it has ended or takes nothing."""
        if self._pipe is None or self.gone.is_set():
            raise SpeakerError(f"speaker: '{self._command}' ended: {await self._command.last_words()}")
        self._sound += pcm
        self._changed.set()
        if len(self._sound) > (AHEAD_S + _LATE_S) * self.rate * WIDTH:
            raise SpeakerError(f"speaker: '{self._command}' takes no sound")

    async def end(self) -> None:
        """Close the command's input once it has all: it plays that and ends. aplay begins a short sound only then."""
        self._ended = True
        self._changed.set()

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
        for task in self._tasks[:1]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._hang_up()

    @property
    def _bytes_a_second(self) -> int:
        return self.rate * self._width * self._channels

    async def _feed(self, pipe: int) -> None:
        """Hand over piece by piece, each when the one before was taken, as loud as is wanted then."""
        loop = asyncio.get_running_loop()
        taken_until = loop.time()  # when all that was taken is heard
        size = round(PIECE_S * self.rate) * WIDTH
        try:
            while self._sound or not self._ended:
                if not self._sound:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                await _writable(pipe)
                piece = bytes(self._sound[:size])
                del self._sound[:size]
                rest = memoryview(to_format(self.loud(piece), self._width, self._channels))
                while rest:
                    try:
                        rest = rest[os.write(pipe, rest) :]
                    except BlockingIOError:
                        await _writable(pipe)
                taken_until = max(taken_until, loop.time()) + len(piece) / WIDTH / self.rate
                await asyncio.sleep(taken_until - loop.time() - HUNGRY_S)
        except BrokenPipeError:
            pass  # it has ended, or will take no more; who puts or drains is told
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    async def _watch(self, process: Process) -> None:
        """Notice a command that dies while it should play."""
        if await process.wait():
            self.gone.set()


def _keep_little(arguments: list[str]) -> None:
    """Let aplay hold less than it would, unless somebody has said how much; other commands are as they are."""
    said = ("-B", "-F", "--buffer-", "--period-")
    if Path(arguments[0]).name == "aplay" and not any(argument.startswith(said) for argument in arguments):
        arguments.insert(1, _APLAY)


async def _writable(pipe: int) -> None:
    """Wait until something can be written into a pipe that does not block, or whoever reads it has gone."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(pipe, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(pipe)


def to_format(pcm: bytes, width: int, channels: int) -> bytes:
    """Return 16-bit mono `pcm` in samples of `width` bytes (1 unsigned, as WAV has it), the same on every channel."""
    if (width, channels) == (WIDTH, 1):
        return pcm
    samples = np.frombuffer(pcm, "<i2").astype("<i4")
    shifted = (samples >> 8) + 128 if width == 1 else samples << 8 * (width - WIDTH)
    little_endian = shifted.astype("<i4").view(np.uint8).reshape(-1, 1, 4)[:, :, :width]
    return np.repeat(little_endian, channels, axis=1).tobytes()
