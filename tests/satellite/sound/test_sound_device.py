from __future__ import annotations

import ctypes.util

import pytest

from satellite.sound.microphone import MicrophoneError
from satellite.sound.sound_device import DeviceMicrophone, DeviceSink
from satellite.sound.speaker import Speaker, SpeakerError

HAS_PORTAUDIO = ctypes.util.find_library("portaudio") is not None


async def test_no_such_device_is_one_line_that_helps() -> None:
    wanted = "libportaudio2" if not HAS_PORTAUDIO else "there is"
    with pytest.raises(MicrophoneError, match=wanted) as microphone:
        async with DeviceMicrophone("no such device"):
            pass
    with pytest.raises(SpeakerError, match=wanted) as speaker:
        async with Speaker("s", lambda _: DeviceSink("no such device")).play("x"):
            pass
    assert "--mic-command" in str(microphone.value)
    assert "--snd-command" in str(speaker.value)
    assert "\n" not in str(microphone.value)
