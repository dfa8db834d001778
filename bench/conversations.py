"""What a client says to each server when all is well, and what sounds and pictures it says it with."""

from __future__ import annotations

from dataclasses import dataclass

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop
from wyoming.wake import Detect

from wyoming_servers.wire import Connection, answer
from wyoming_servers.wire.audio import RATE, WIDTH, AudioConverter
from wyoming_servers.wire.image import Classify, Image
from wyoming_servers.wire.vad import DetectVoice

QUESTIONS = (
    "what time is it",
    "turn on the lights in the kitchen",
    "set a timer for five minutes",
    "turn off the lights in the bedroom",
    "what is seven times eight",
    "cancel the timer",
)

_SENTENCES = (
    "It is twelve minutes past three in the afternoon.",
    "The timer for the potatoes has seven minutes and thirty seconds left; the other one is about to ring.",
    "I see two people at the door, and a parcel.",
)

_QUIET_S = 0.8
_CHUNK_BYTES = RATE * WIDTH // 10
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request, and how one knows that it has been answered."""

    events: tuple[Event, ...]
    ends: frozenset[str]
    """Types of events of which the first ends the answer."""

    work: float = 1.0
    """How much it asks for: seconds of sound, or one."""


def speak(text: str, voice: str | None = None) -> bytes:
    """Return `text` spoken by espeak-ng, 16 kHz 16-bit mono, with quiet around it."""
    from models.espeak import EspeakSynthesizer

    engine = EspeakSynthesizer()
    converter = AudioConverter(engine.rate, WIDTH, 1)
    pcm = engine.open(voice=voice).speak(text).pcm
    quiet = bytes(int(_QUIET_S * RATE) * WIDTH)
    return quiet + converter.convert(pcm) + converter.flush() + quiet


def picture() -> bytes:
    """Return a JPEG picture of a figure."""
    import cv2

    from camera.figure import draw_figure

    return bytes(cv2.imencode(".jpg", draw_figure())[1])


def conversations(job: str) -> list[Conversation]:
    """Return some things to ask of the server for `job`."""
    if job == "vad":
        return [_listened(speak(text), [DetectVoice(activity=True).event()], "audio-stop") for text in QUESTIONS]
    if job == "wake":
        return [_listened(speak(text), [Detect().event()], "not-detected") for text in QUESTIONS]
    if job == "asr":
        return [_listened(speak(text), [Transcribe(language="en").event()], "transcript") for text in QUESTIONS]
    if job == "handle":
        ends = frozenset({"handled", "not-handled", "intent"})
        return [Conversation((Transcript(text=text, language="en").event(),), ends) for text in (*QUESTIONS, "blah")]
    if job == "tts":
        plain = [Conversation((Synthesize(text=text).event(),), frozenset({"audio-stop"})) for text in _SENTENCES]
        return [*plain, *(_streamed(text) for text in _SENTENCES)]
    seen = picture()
    image = Image(id="1", format="jpeg", width=640, height=480, image=seen).event()
    return [
        Conversation((image,), frozenset({"classification"})),
        Conversation((Classify(top_k=3, threshold=0.1).event(), image), frozenset({"classification"})),
    ]


def _listened(pcm: bytes, before: list[Event], end: str) -> Conversation:
    chunks = [
        AudioChunk(RATE, WIDTH, 1, pcm[start : start + _CHUNK_BYTES]).event()
        for start in range(0, len(pcm), _CHUNK_BYTES)
    ]
    events = (*before, AudioStart(RATE, WIDTH, 1).event(), *chunks, AudioStop().event())
    return Conversation(events, frozenset({end}), len(pcm) / (RATE * WIDTH))


def _streamed(text: str) -> Conversation:
    chunks = [SynthesizeChunk(text=f"{word} ").event() for word in text.split()]
    events = (SynthesizeStart().event(), *chunks, Synthesize(text=text).event(), SynthesizeStop().event())
    return Conversation(events, frozenset({"synthesize-stopped"}))


async def converse(connection: Connection, conversation: Conversation) -> float:
    """Have it; return the work that was done: seconds of sound heard or spoken, else one. Raises as `answer`."""
    for event in conversation.events:
        await connection.send(event)
    spoken = 0.0
    while True:
        event = await answer(connection, _ANSWER_S)
        if AudioChunk.is_type(event.type):
            spoken += len(event.payload or b"") / (event.data["rate"] * event.data["width"])
        if event.type in conversation.ends:
            return spoken or conversation.work
