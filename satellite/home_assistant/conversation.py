"""What the satellite and Home Assistant do together: who listens when, what is sent, and what is played.

Pure logic on an injected clock. It is told all that happens (sound from the microphone, events from Home Assistant,
sounds that were heard to their end, controls, and that time goes on), and answers through the `Uplink` and the `Mouth`.
Nothing here waits.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from wyoming.event import Event

from models.engine import VoiceActivityStream
from satellite.happenings import Happening
from satellite.report import Observer, State
from satellite.sound.microphone import Chunk
from satellite.timers import Timers
from wyoming_servers.wire import Fields
from wyoming_servers.wire.audio import chunk_format

from .alarms import Alarms
from .chimes import Chimes
from .cue import Cue
from .incoming import Incoming, sound_in
from .link import Link
from .listening import PRE_ROLL_S, Listening
from .mouth import Kind, Mouth, Sound
from .signals import Signals
from .turn import ANSWER_S, Phase, Turn
from .uplink import Uplink

_LOGGER = logging.getLogger(__name__)

CHIME_ECHO_S = 0.1
"""After our chime the room still sounds; nobody answers it so quickly."""

ECHO_S = 0.2
"""After a longer sound of ours."""

_NO_FAULTS = {
    "stt-no-text-recognized",
    "wake-word-timeout",
    "wake_word_detection_aborted",
    "duplicate_wake_up_detected",
}
"""Home Assistant's errors that are none: nobody spoke, or another satellite was nearer."""


class Conversation:
    """One satellite's turns with Home Assistant."""

    def __init__(
        self,
        mouth: Mouth,
        observer: Observer,
        *,
        cue: Cue,
        chimes: Chimes,
        voice: VoiceActivityStream | None,
        timers: Timers,
        clock: Callable[[], float],
    ) -> None:
        """`voice` tells when somebody speaks; without it turns end as Home Assistant ends them."""
        self.alarms = Alarms(timers, observer.happened)
        self._mouth = mouth
        self._observer = observer
        self._cue = cue
        self._signals = Signals(mouth, chimes, self.alarms, observer, clock)
        self._clock = clock
        self._on_speech = cue in {Cue.SPEECH, Cue.THERE_ON_SPEECH}
        self._listening = Listening(voice, clock, always=self._on_speech)
        self._incoming = Incoming(mouth)
        mouth.ended = self.played
        self._state = State.IDLE
        self._muted = False
        self._uplink = Uplink(cue, observer, clock)
        self._turn = Turn(observer, clock)

    # ---- what Home Assistant does

    def connect(self, link: Link) -> None:
        """Run for whoever is at the other end of `link`, until `pause` or `disconnect`."""
        if link is not self._uplink.link:
            if self._uplink.link is not None:
                self.disconnect(self._uplink.link)
            self.alarms.forget_paused()  # from before a restart of ours
            self._observer.happened(Happening.CONNECTED)
        self._uplink.connect(link)
        if self._cue is Cue.HERE:
            self._observer.happened(Happening.DETECT)
        self.tick()

    def pause(self, link: Link) -> None:
        """Begin nothing any more; what is played, and timers, go on."""
        if link is self._uplink.link:
            self._uplink.pause()
            if self._turn.phase is not Phase.REST:
                self._end_turn()
            self._publish()

    def disconnect(self, link: Link) -> None:
        """Learn that Home Assistant has gone. What it had said is heard to its end; what it was asked, was in vain."""
        if link is not self._uplink.link:
            return
        self._uplink.disconnect()
        self._incoming.end()
        self.alarms.forget_paused()
        self._turn.forget_stopped()
        if self._turn.phase is not Phase.REST:
            self._fail("Home Assistant has gone in the middle of a turn")
        self._observer.happened(Happening.DISCONNECTED)
        self._publish()

    def take(self, event: Event) -> None:
        """Take an event from Home Assistant; raise `RequestError` for a bad one. Those that mean nothing here pass."""
        fields = Fields(event.type, event.data)
        match event.type:
            case "detect":
                self._uplink.ran()
                self._observer.happened(Happening.DETECT)
            case "transcribe":
                self._turn.recognizing()
            case "detection":
                self._detected(fields.optional_text("name") or "")
            case "voice-started":
                self._observer.happened(Happening.STT_START)
            case "voice-stopped":
                self._observer.happened(Happening.STT_STOP)
            case "transcript":
                self._transcribed(fields.text("text"))
            case "synthesize":
                self._decided(fields.text("text"))
            case "error":
                self._refused(fields.text("text", default="an error without a text"), fields.optional_text("code"))
            case "audio-start":
                chunk_format(event)
                self._uplink.answered(event.type)
                self._open()
            case "audio-chunk":
                pcm = sound_in(event)
                (self._incoming.sound or self._open()).write(pcm, chunk_format(event))
            case "audio-stop" if self._incoming.sound is not None:
                self._incoming.end()
                self._observer.happened(Happening.TTS_STOP)
            case _:
                self.alarms.take(event)
        self._publish()

    @property
    def is_full(self) -> bool:
        """Whether no more of the sound that comes should be taken for now."""
        return self._incoming.sound is not None and self._incoming.sound.is_full

    async def room(self) -> None:
        """Wait until more of it can be taken."""
        if self._incoming.sound is not None:
            await self._incoming.sound.room()

    # ---- what people do

    def hear(self, chunk: Chunk) -> None:
        """Hear what the microphone gives."""
        if self._muted or self._mouth.has(Kind.CHIME) or not self._listening.takes(chunk):
            return
        at_rest = self._turn.phase is not Phase.SPOKEN
        if not at_rest or (self._on_speech and not self._mouth.busy):
            begun = self._listening.judge(chunk)
            if begun and at_rest:
                self._somebody_speaks()
        self._listening.keep(chunk)
        if self._turn.phase is Phase.SPOKEN or self._uplink.awaits_wake_word:
            self._uplink.sound(chunk.pcm)

    def woken(self, name: str, since: float) -> None:
        """Begin a turn: the wake word was heard, and what was captured from `since` on comes after it.

        Where a timer rings, it is silenced, and no turn begins.
        """
        if not self._muted and not self._signals.silence():
            self._begin(since, wake_word=name)

    def trigger(self) -> None:
        """Begin a turn without a wake word, or silence what rings."""
        if self._muted:
            _LOGGER.info("the satellite is muted: it does not listen")
        elif not self._signals.silence():
            self._begin(self._clock() - ECHO_S)

    def hold(self) -> None:
        """Let the turn that is being spoken last until `release`."""
        self._listening.held = True

    def release(self) -> None:
        """Learn that all was said in a turn that was held."""
        if self._listening.held and self._turn.phase is Phase.SPOKEN:
            self._said()
            self._publish()

    def stop(self) -> None:
        """Be silent, and forget what was being asked."""
        self._give_up()
        self._signals.silence()
        self._mouth.stop()
        self._publish()

    @property
    def muted(self) -> bool:
        """Whether nothing of what the microphone gives is heard, kept or sent."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        self._listening.forget()
        self._listening.ignore(self._clock())
        if muted and self._turn.phase is Phase.SPOKEN:
            self._give_up()
        self._publish()

    @property
    def is_ready(self) -> bool:
        """Whether Home Assistant is there, and no turn is under way."""
        return self._uplink.runs and not self._turn.is_under_way

    @property
    def deaf(self) -> bool:
        """Whether nobody is to hear the microphone: it is muted, here or by Home Assistant."""
        return self._muted or (self._uplink.link is not None and not self._uplink.runs)

    @property
    def awaits_wake_word(self) -> bool:
        """Whether a wake word that is heard here would do anything."""
        return self._cue is Cue.HERE and not self.deaf and self._turn.phase is not Phase.SPOKEN

    # ---- what becomes of it

    def played(self, sound: Sound) -> None:
        """Learn that a sound was heard to its end, or stopped."""
        if sound.kind is Kind.CHIME:
            self._listening.ignore(self._clock() + CHIME_ECHO_S)
            return
        self._listening.ignore(self._clock() + ECHO_S)
        owner = self._incoming.played(sound)
        if owner is not None:
            self._observer.happened(Happening.TTS_PLAYED)
        if sound is self._turn.answer:
            asks = self._turn.asks_back and not sound.stopped and owner is self._uplink.link
            self._end_turn()
            if asks and self._uplink.runs and not self._muted:
                self._begin(math.inf)
        self._publish()

    def tick(self) -> None:
        """Learn that time has gone on."""
        if self._turn.phase is Phase.SPOKEN:
            self._signals.tell_awake(self._listening.speech_until)
            if self._listening.is_over() and not self._mouth.has(Kind.CHIME):
                self._said()
        elif self._turn.is_late:
            _LOGGER.info("no answer came within %g s", ANSWER_S)
            self._end_turn()
        self._uplink.tick(at_rest=not self._turn.is_under_way, speech_until=self._listening.speech_until)
        if self._turn.phase is Phase.REST:
            self._signals.ring()
        self._publish()

    # ---- a turn from its beginning to its end

    def _begin(self, since: float, *, wake_word: str | None = None) -> None:
        """Begin a turn with what was captured from `since` on, whatever goes on now."""
        if self._turn.phase is Phase.SPOKEN:
            return
        if self._uplink.link is not None and not self._uplink.runs:
            _LOGGER.info("Home Assistant has muted this satellite: it does not listen")
            return
        if wake_word is not None:
            self._observer.happened(Happening.DETECTION, wake_word)
        if self._uplink.link is None:
            self._end_turn()
            self._mouth.stop()
            self._fail("Home Assistant is not connected")
            return
        given_up = self._turn.may_be_answered
        self._end_turn()
        self._turn.phase = Phase.SPOKEN
        self._mouth.stop()
        self._uplink.begin(wake_word)
        self._uplink.sound(self._listen(since, given_up=given_up))
        self._publish()

    def _listen(self, since: float, *, given_up: bool = False) -> bytes:
        """Let somebody speak; return what they said already."""
        self._signals.listens()
        self._turn.begin(given_up=given_up)
        return self._listening.begin(since)

    def _said(self) -> None:
        """End what is said before Home Assistant does."""
        self._uplink.end_sound()
        self._ask()

    def _ask(self) -> None:
        self._signals.end_chime()
        self._turn.ask()

    def _end_turn(self, error: str | None = None) -> None:
        """End the turn that is under way, if one is."""
        if self._turn.phase is Phase.SPOKEN:
            self._signals.end_chime()
        if self._turn.end(error) and self._cue is Cue.HERE and self._uplink.runs:
            self._observer.happened(Happening.DETECT)

    def _give_up(self) -> None:
        """End the turn, of which nobody wants to hear any more."""
        if self._turn.phase is Phase.SPOKEN:
            self._uplink.end_sound()
        self._turn.stop()
        self._end_turn()

    def _fail(self, error: str) -> None:
        _LOGGER.warning("%s", error)
        self._observer.happened(Happening.ERROR, error)
        self._end_turn(error)
        self._signals.sorry()

    # ---- what Home Assistant says

    def _detected(self, name: str) -> None:
        """Go on: Home Assistant's wake stage has heard the wake word, and hears what is said after it."""
        if not self._uplink.detected():
            return
        self._observer.happened(Happening.DETECTION, name)
        self._signals.silence()
        self._end_turn()
        self._turn.phase = Phase.SPOKEN
        self._mouth.stop()
        self._listen(math.inf)

    def _transcribed(self, text: str) -> None:
        if not self._turn.awaits_transcript():
            return
        if self._turn.phase is Phase.SPOKEN:
            self._ask()
        self._observer.happened(Happening.TRANSCRIPT, text)
        self._signals.tell_done()
        self._turn.heard(text)

    def _decided(self, text: str) -> None:
        self._uplink.answered("synthesize")
        if (unwanted := self._turn.decided(text)) is not None:
            self._mouth.drop(unwanted)

    def _refused(self, text: str, code: str | None) -> None:
        if not self._uplink.failed(code):
            return
        self._turn.forget_stopped()
        if code in _NO_FAULTS:
            if self._turn.phase is not Phase.REST:
                self._end_turn()
        elif self._turn.phase is not Phase.REST:
            self._fail(f"Home Assistant: {text}")
        else:
            _LOGGER.warning("Home Assistant: %s", text)
            self._observer.happened(Happening.ERROR, text)

    def _open(self) -> Sound:
        """Begin another sound that comes from Home Assistant."""
        assert self._uplink.link is not None
        sound = self._incoming.open(self._uplink.link)
        if self._turn.is_unwanted:
            self._turn.passed_over()
            self._mouth.drop(sound)
            return sound
        # An announcement, for which Home Assistant has given up the turn.
        if self._turn.phase is Phase.SPOKEN:
            self._end_turn()
        elif self._turn.answer is not None:
            self._mouth.drop(self._turn.answer)
        if self._turn.phase is Phase.ASKED:
            self._turn.answered(sound)
        else:
            self._turn.began(sound)
        self._observer.happened(Happening.TTS_START)
        return sound

    # ---- what is heard and sent

    def _somebody_speaks(self) -> None:
        since = self._clock() - PRE_ROLL_S
        if self._cue is Cue.SPEECH:
            if self._uplink.runs and not self._turn.is_waited_for:
                self._signals.silence()
                self._begin(since)
        elif self._uplink.runs and not self._uplink.awaits_wake_word:
            self._uplink.await_wake_word()
            self._observer.happened(Happening.STREAMING_START)
            self._uplink.sound(self._listening.begin(since))

    def _publish(self) -> None:
        """Tell the observer of another state."""
        if self._turn.phase is Phase.SPOKEN:
            state = State.LISTENING
        elif self._mouth.has(Kind.SPEECH, Kind.TIMER):
            state = State.RESPONDING
        else:
            state = State.PROCESSING if self._turn.phase is Phase.ASKED else State.IDLE
        if state is not self._state:
            self._state = state
            self._observer.became(state)
