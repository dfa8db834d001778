"""A satellite without microphone, speaker and clock, for tests of what it does when."""

from __future__ import annotations

from typing import Any

from wyoming.event import Event, Eventable

from models.engine import VoiceActivityStream
from satellite.happenings import Happening
from satellite.home_assistant.chimes import Chimes
from satellite.home_assistant.conversation import Conversation
from satellite.home_assistant.cue import Cue
from satellite.home_assistant.mouth import Kind, Mouth, Sound
from satellite.report import Observer, State, TurnReport
from satellite.sound.microphone import CHUNK_BYTES, CHUNK_SAMPLES, Chunk
from satellite.sound.speaker import Speaker
from satellite.timers import Timers
from tests.satellite.sounds import tone

QUIET = bytes(CHUNK_BYTES)
LOUD = tone(0.02)
CHIME = (tone(0.1), (16_000, 2, 1))


class Link:
    """Keeps what is sent to Home Assistant."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, *events: Event | Eventable) -> None:
        self.events += [event if isinstance(event, Event) else event.event() for event in events]

    def take(self) -> list[str]:
        """Return what was sent since the last call; sound that goes on is one entry."""
        taken: list[str] = []
        for event in self.events:
            if event.type != "audio-chunk" or taken[-1:] != ["audio-chunk"]:
                taken.append(event.type)
        self.events.clear()
        return taken

    def seconds(self) -> float:
        """Return how much sound was sent since the last `take`."""
        return sum(len(event.payload or b"") for event in self.events) / 32_000


class LoudIsVoice(VoiceActivityStream):
    """Takes what is loud for speech."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, pcm: bytes) -> list[float]:
        self._rest += pcm
        windows = [self._rest[place : place + 1024] for place in range(0, len(self._rest) - 1023, 1024)]
        self._rest = self._rest[1024 * len(windows) :]
        return [0.9 if any(window) else 0.05 for window in windows]


class Lips(Mouth):
    """Plays nothing; the test says when a sound was heard."""

    def finish(self) -> Sound:
        """Let the first sound be heard to its end."""
        while True:
            sound = self._sounds.popleft()
            if not sound.stopped:
                self.ended(sound)
                return sound

    @property
    def kinds(self) -> list[Kind]:
        return [sound.kind for sound in self._sounds if not sound.stopped]


class Watcher(Observer):
    def __init__(self) -> None:
        self.states: list[State] = []
        self.happenings: list[str] = []
        self.turns: list[TurnReport] = []

    def became(self, state: State) -> None:
        self.states.append(state)

    def happened(self, happening: Happening, text: str = "") -> None:
        self.happenings.append(f"{happening} {text}".strip())

    def turn_ended(self, report: TurnReport) -> None:
        self.turns.append(report)


class Room:
    """A conversation, and all that it is told."""

    def __init__(self, cue: Cue = Cue.HERE, *, chimes: Chimes | None = None, voice: bool = True) -> None:
        self.now = 1000.0
        self.mouth = Lips(Speaker("nothing", lambda _: None))  # type: ignore[arg-type,return-value]
        self.watcher = Watcher()
        self.link = Link()
        self.timers = Timers(lambda: self.now)
        self.conversation = Conversation(
            self.mouth,
            self.watcher,
            cue=cue,
            chimes=chimes or Chimes(),
            voice=LoudIsVoice() if voice else None,
            timers=self.timers,
            clock=lambda: self.now,
        )

    def connect(self) -> None:
        self.conversation.connect(self.link)

    def hear(self, seconds: float, pcm: bytes = QUIET) -> None:
        """Let time go on with this sound in the room."""
        for _ in range(round(seconds * 50)):
            self.conversation.hear(Chunk(pcm, round(self.now * 16_000) // CHUNK_SAMPLES * CHUNK_SAMPLES, self.now))
            self.now += 0.02
            self.conversation.tick()

    def wake(self) -> None:
        self.conversation.woken("okay_nabu", self.now)

    def say(self, kind: str, **data: Any) -> None:
        """Let Home Assistant send an event."""
        self.conversation.take(Event(kind, data))

    def speak(self, seconds: float = 0.5) -> None:
        """Let Home Assistant send speech."""
        sound = {"rate": 22_050, "width": 2, "channels": 1}
        self.say("audio-start", **sound, timestamp=0)
        self.conversation.take(Event("audio-chunk", {**sound, "timestamp": 0}, bytes(2 * round(22_050 * seconds))))
        self.say("audio-stop", timestamp=round(1000 * seconds))

    def clear(self) -> None:
        """Let Home Assistant say that nothing runs any more, for which it was asked."""
        assert self.link.take() == ["audio-stop", "run-pipeline"]
        self.say("detect")  # of the wake stage that it begins again, where it ran that
        self.say("error", text="tts_input is required for text-to-speech", code="validation-error")

    def answer(self, text: str = "It is noon.") -> None:
        """Let Home Assistant understand, and send an answer."""
        self.say("transcript", text="what time is it")
        self.say("synthesize", text=text)
        self.speak()
