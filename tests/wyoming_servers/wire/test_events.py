"""The events that Wyoming lacks: vad and image."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, Eventable

from wyoming_servers.wire import BadValue
from wyoming_servers.wire.image import STATUSES, Classification, Classify, Image, ImageCredit, LabelScore
from wyoming_servers.wire.vad import DetectVoice, VoiceActivity

EXAMPLES: list[Eventable] = [
    DetectVoice(),
    DetectVoice(threshold=0.5, min_silence_ms=700, min_speech_ms=64, activity=True),
    VoiceActivity(timestamp=32, probability=0.25),
    Classify(),
    Classify(name="people", top_k=3, threshold=0.0, context={"camera": "door"}),
    Image(id="1", format="jpeg", width=640, height=480, image=b"picture"),
    Image(id="1", format="png", width=1, height=1, image=b"", timestamp=5, deadline_ms=100),
    ImageCredit(credits=2),
    Classification(id="1", model="people", status="expired", queued_ms=3, text="too late"),
    Classification(
        id="1",
        model="people",
        status="ok",
        labels=[LabelScore("person", 0, 0.5, (0.0, 0.25, 0.5, 1.0)), LabelScore("dog", 1, 0.25)],
        queued_ms=1,
        inference_ms=2,
        timestamp=9,
    ),
]


def over_the_wire(event: Event) -> Event:
    return Event(event.type, json.loads(json.dumps(event.data)), event.payload or None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_every_event_comes_back(example: Eventable) -> None:
    received = over_the_wire(example.event())
    kind = type(example)
    assert kind.is_type(received.type)
    assert kind.from_event(received) == example
    assert [other for other in {type(one) for one in EXAMPLES} if other.is_type(received.type)] == [kind]


@given(
    st.sampled_from(EXAMPLES),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.just({}),
    st.data(),
)
def test_one_changed_value_is_read_or_said_to_be_wrong(example: Eventable, value: Any, data: st.DataObject) -> None:
    event = over_the_wire(example.event())
    if event.data:
        event.data[data.draw(st.sampled_from(sorted(event.data)))] = value
    try:
        type(example).from_event(event)
    except BadValue as error:
        assert f"'{event.type}" in error.text


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (DetectVoice, {"threshold": 2}),
        (DetectVoice, {"min_silence_ms": -1}),
        (DetectVoice, {"min_speech_ms": 60_001}),
        (DetectVoice, {"activity": "yes"}),
        (VoiceActivity, {"timestamp": 0}),
        (Classify, {"top_k": 0}),
        (Classify, {"threshold": True}),
        (Classify, {"context": []}),
        (Image, {"id": "1", "format": "gif", "width": 1, "height": 1}),
        (Image, {"id": "1", "format": "png", "width": 0, "height": 1}),
        (Image, {"id": "1", "format": "png", "width": 1, "height": 65_536}),
        (Image, {"id": "", "format": "png", "width": 1, "height": 1}),
        (Image, {"id": "x" * 129, "format": "png", "width": 1, "height": 1}),
        (Image, {"id": 1, "format": "png", "width": 1, "height": 1}),
        (Image, {"format": "png", "width": 1, "height": 1}),
        (Image, {"id": "1", "format": "png", "width": 1, "height": 1, "deadline_ms": -1}),
        (ImageCredit, {"credits": 0}),
        (Classification, {"id": "1", "model": "m", "status": "fine"}),
        (Classification, {"id": "1", "model": "m", "status": "ok", "labels": [{"name": "x"}]}),
        (
            Classification,
            {**EXAMPLES[-1].event().data, "labels": [{"name": "x", "index": 0, "score": 1, "box": [0, 0, 2, 1]}]},
        ),
    ],
)
def test_wrong_values(kind: type[Eventable], data: dict[str, Any]) -> None:
    types = [one.event().type for one in EXAMPLES if isinstance(one, kind)]
    with pytest.raises(BadValue):
        kind.from_event(Event(types[0], data))


def test_every_status_is_read() -> None:
    for status in STATUSES:
        assert Classification.from_event(Classification("1", "m", status).event()).status == status
