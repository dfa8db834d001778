"""Microphone and speaker as sound devices, through PortAudio (the package sounddevice).

The package's Linux wheel brings no PortAudio, and importing it costs memory, so it is imported when a device is opened.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from wyoming_servers.wire.audio import RATE, WIDTH

from .microphone import CHUNK_SAMPLES, Intake, Microphone, MicrophoneError
from .speaker import AHEAD_S, Sink, SpeakerError

Device = str | int | None
"""A device's name or part of it, its number, or None for the default one."""

_LATE_S = 3.0
_BLOCK_S = 0.02


def sounddevice(instead: str) -> Any:
    """Return the module; raise OSError with a line that says what is missing, and `instead`, the option without it."""
    try:
        import sounddevice as module  # loads PortAudio, which may not be there
    except ImportError as error:
        raise OSError(
            f"sound devices need sounddevice: pip install 'wyoming-hearth[satellite]' (or use {instead})"
        ) from error
    except OSError as error:
        raise OSError(f"sound devices need PortAudio: apt-get install libportaudio2 (or use {instead})") from error
    return module


class DeviceMicrophone(Microphone):
    """A sound device that listens."""

    def __init__(self, device: Device = None) -> None:
        self.name = "default sound device" if device is None else f"sound device {device}"
        self._device = device
        self._stream: Any = None

    async def _open(self) -> None:
        try:
            module = sounddevice("--mic-command")
            rate = await asyncio.to_thread(_find_rate, module, self._device, "input", RATE)
            self.intake = Intake(rate)
            self._stream = await asyncio.to_thread(self._start, module, rate)
        except OSError as error:
            raise MicrophoneError(f"microphone: {error}") from error

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(stream.close)

    def _start(self, module: Any, rate: int) -> Any:
        intake = self.intake

        def heard(data: Any, _frames: int, _time: Any, _status: Any) -> None:
            intake.push(bytes(data), time.monotonic())

        def ended() -> None:
            intake.fail(MicrophoneError(f"microphone: the {self.name} is gone"))

        make = partial(
            module.RawInputStream,
            device=self._device,
            samplerate=rate,
            blocksize=rate * CHUNK_SAMPLES // RATE,
            channels=1,
            dtype="int16",
            callback=heard,
            finished_callback=ended,
        )
        return _started(module, make)


class DeviceSink(Sink):
    """A sound device that speaks."""

    def __init__(self, device: Device = None) -> None:
        super().__init__(22_050)
        self._device = device
        self._stream: Any = None
        self._sound = bytearray()
        self._lock = threading.Lock()
        self._ended = False
        self._drained = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Open the device at a rate that it takes; raise `SpeakerError`."""
        try:
            module = sounddevice("--snd-command")
            self.rate = await asyncio.to_thread(_find_rate, module, self._device, "output", self.rate)
            self._stream = await asyncio.to_thread(self._start, module)
        except OSError as error:
            raise SpeakerError(f"speaker: {error}") from error
        self.latency = float(self._stream.latency)

    async def put(self, pcm: bytes) -> None:
        """Let the device have more; raise `SpeakerError` where it takes nothing."""
        with self._lock:
            self._sound += pcm
            stuck = len(self._sound) > (AHEAD_S + _LATE_S) * self.rate * WIDTH
        if stuck or self.gone.is_set():
            raise SpeakerError("speaker: the sound device plays nothing any more")

    async def end(self) -> None:
        """Let the device stop when it has played what it has."""
        self._ended = True

    async def drain(self) -> None:
        """Wait until the device has stopped; raise `SpeakerError` where it does not."""
        try:
            async with asyncio.timeout(_LATE_S):
                await self._drained.wait()
        except TimeoutError:
            raise SpeakerError(f"speaker: the sound device did not stop {_LATE_S:g} s after it should have") from None

    def stop(self) -> None:
        """Give the device silence: what its own buffer holds, tens of milliseconds, is the last that is heard."""
        super().stop()
        self._ended = True
        with self._lock:
            self._sound.clear()

    async def close(self) -> None:
        """Close the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(stream.close)

    def _start(self, module: Any) -> Any:
        def wanted(out: Any, _frames: int, _time: Any, _status: Any) -> None:
            with self._lock:
                piece = bytes(self._sound[: len(out)])
                del self._sound[: len(out)]
            out[:] = self.loud(piece).ljust(len(out), b"\0")
            if self._ended and not piece:
                raise module.CallbackStop

        make = partial(
            module.RawOutputStream,
            device=self._device,
            samplerate=self.rate,
            blocksize=int(self.rate * _BLOCK_S),
            channels=1,
            dtype="int16",
            latency="high",
            callback=wanted,
            finished_callback=self._finished,
        )
        return _started(module, make)

    def _finished(self) -> None:
        """Called by PortAudio when the device has stopped, for whatever reason."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drained.set)
            self._loop.call_soon_threadsafe(self.gone.set)


def _started(module: Any, make: Callable[[], Any]) -> Any:
    """Return the stream that `make` opens, started; raise OSError."""
    try:
        stream = make()
        try:
            stream.start()
        except BaseException:
            stream.close()
            raise
    except module.PortAudioError as error:
        raise OSError(f"the sound device cannot be opened: {error}") from error
    return stream


def _find_rate(module: Any, device: Device, kind: str, wanted: int) -> int:
    """Return the rate to open `device` with: `wanted`, or else its own.

    Raises OSError, which names what there is, where there is no such device.
    """
    check = module.check_input_settings if kind == "input" else module.check_output_settings
    try:
        info = module.query_devices(device, kind)
        try:
            check(device=device, channels=1, dtype="int16", samplerate=wanted)
        except module.PortAudioError:
            wanted = int(info["default_samplerate"])
            check(device=device, channels=1, dtype="int16", samplerate=wanted)
    except (module.PortAudioError, ValueError) as error:
        channels = f"max_{kind}_channels"
        there = ", ".join(f"{item['index']} {item['name']}" for item in module.query_devices() if item[channels])
        if not there:
            what = f"there is no sound device for {kind}"
        elif device is None:
            what = f"there is no default sound device for {kind}, but: {there}"
        else:
            what = f"sound device '{device}' cannot be used for {kind} ({error}); there is: {there}"
        option = "--mic-command" if kind == "input" else "--snd-command"
        raise OSError(f"{what} (or use {option})") from error
    return wanted
