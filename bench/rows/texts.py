"""Texts, wishes and contexts that make no sense, and requests in the wrong order."""

from __future__ import annotations

from typing import Any, Final

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from bench.rows.core import Row, answered, told_once
from bench.rows.sound import ANSWERS, EARS


def texts() -> list[Row]:
    """Return the rows about what events say."""
    said: dict[str, Any] = {"no text": ..., "text 5": 5, "text null": None, "text list": ["a"], "text object": {"a": 1}}
    odd = {
        "empty": "",
        "blanks": " \t\n ",
        "null bytes": "what\0time\0is\0it",
        "control characters": "".join(map(chr, range(32))),
        "emoji": "🎈" * 500,
        "right to left": "\u202e" * 100 + "abc",
        "marks": "e" + "\u0301" * 5000,
        "markup": "<speak>&amp;<break time='9999s'/>" * 50,
        "brackets": "([{<" * 1000,
        "digits": "9" * 5000,
        "one word of 3000 letters": "a" * 3000,
    }
    long = "all the lights " * 66_000
    handled = frozenset({"handled", "not-handled", "error"})
    return [
        *(
            Row(f"{kind}: {name}", (job,), told_once(_texted(kind, text)))
            for kind, job in (("transcript", "handle"), ("synthesize", "tts"))
            for name, text in said.items()
        ),
        *(
            Row(f"transcript: {name}", ("handle",), answered(_texted("transcript", text), by=handled, errors=1))
            for name, text in odd.items()
        ),
        *(
            Row(f"synthesize: {name}", ("tts",), answered(_texted("synthesize", text), by=frozenset({"audio-stop"})))
            for name, text in odd.items()
        ),
        Row("transcript: a megabyte", ("handle",), told_once(_texted("transcript", long))),
        Row("synthesize: a megabyte", ("tts",), told_once(_texted("synthesize", long))),
        Row("transcript: context 5", ("handle",), told_once(Event("transcript", {"text": "hello", "context": 5}))),
        Row("transcript: language 5", ("handle",), told_once(Event("transcript", {"text": "hello", "language": 5}))),
        Row("transcribe: language xx", ("asr",), told_once(Event("transcribe", {"language": "xx"}))),
        Row("transcribe: language 5", ("asr",), told_once(Event("transcribe", {"language": 5}))),
        Row("synthesize: no such voice", ("tts",), told_once(Event("synthesize", _NO_VOICE))),
        Row("synthesize: voice 5", ("tts",), told_once(Event("synthesize", {"text": "a", "voice": 5}))),
        Row("detect-voice: threshold 7", ("vad",), told_once(Event("detect-voice", {"threshold": 7}))),
        Row("detect: a word that there is not", ("wake",), told_once(Event("detect", {"names": ["computer"]}))),
        Row("detect: names that are no list", ("wake",), told_once(Event("detect", {"names": {"a": 1}}))),
        Row("detect-voice: silence -1", ("vad",), told_once(Event("detect-voice", {"min_silence_ms": -1}))),
        *(
            Row(f"transcript: context {name}", ("handle",), answered(_situated(context), by=handled, errors=1))
            for name, context in _CONTEXTS.items()
        ),
    ]  # fmt: skip


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


_NO_VOICE: Final = {"text": "a", "voice": {"name": "nobody"}}

_CONTEXTS: Final[dict[str, dict[str, Any]]] = {
    "id 5": {"conversation_id": 5},
    "id of a megabyte": {"conversation_id": "x" * 900_000},
    "sightings 5": {"sightings": 5},
    "sightings of nonsense": {"sightings": [5, None, {}, {"name": 5, "score": "high", "age_ms": -1}]},
    "timers of nonsense": {"timers": [{"id": [], "seconds": "many"}], "volume": "loud", "last_reply": 5},
    "60 nested lists": {"sightings": _nested(60)},
}


def _texted(kind: str, text: Any) -> Event:
    return Event(kind, {} if text is ... else {"text": text})


def _situated(context: dict[str, Any]) -> Event:
    return Event("transcript", {"text": "what do you see", "context": context})


def order() -> list[Row]:
    """Return the rows about what comes when."""
    start, stop = AudioStart(16000, 2, 1).event(), AudioStop().event()
    chunk = AudioChunk(16000, 2, 1, bytes(3200)).event()
    begin, end = Event("synthesize-start"), Event("synthesize-stop")
    spoken = frozenset({"synthesize-stopped"})
    return [
        Row("start twice", EARS, answered(start, chunk, start, chunk, stop, by=ANSWERS)),
        Row("hundreds of starts", EARS, answered(*[start] * 300, stop, by=ANSWERS)),
        Row("chunks without a stop", EARS, answered(start, *[chunk] * 20)),
        Row("stream started twice", ("tts",), answered(begin, begin, end, by=spoken)),
        Row("stream without text", ("tts",), answered(begin, end, by=spoken)),
        Row("piece before its stream", ("tts",), told_once(Event("synthesize-chunk", {"text": "a"}))),
        Row("stream of 500 pieces of nothing", ("tts",), answered(
            begin, *[Event("synthesize-chunk", {"text": ""})] * 500, end, by=spoken)),
    ]  # fmt: skip
