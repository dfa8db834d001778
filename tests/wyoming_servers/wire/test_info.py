from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming import info as wyoming_info
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, TtsProgram, TtsVoice, TtsVoiceSpeaker

from wyoming_servers.wire import BadValue, ImageModel, ImageProgram, Info, VadModel, VadProgram

ABOUT: dict[str, Any] = {
    "name": "n",
    "attribution": Attribution("who", "where"),
    "installed": True,
    "description": "d",
    "version": None,
}
FULL = Info(
    vad=[VadProgram(**ABOUT, models=[VadModel(**ABOUT)])],
    image=[ImageProgram(**ABOUT, models=[ImageModel(**ABOUT, labels=1)])],
    asr=[AsrProgram(**ABOUT, models=[AsrModel(**ABOUT, languages=["en"])])],
    tts=[TtsProgram(**ABOUT, voices=[TtsVoice(**ABOUT, languages=["en"], speakers=[TtsVoiceSpeaker("s")])])],
)


def over_the_wire(event: Event) -> Event:
    return Event(event.type, json.loads(json.dumps(event.data)))


def test_everything_comes_back() -> None:
    received = Info.from_event(over_the_wire(FULL.event()))
    assert received == FULL
    assert received.vad[0].models[0] == VadModel(**ABOUT)
    assert received.image[0].models[0].labels == 1
    assert received.jobs == ["vad", "asr", "tts", "image"]


def test_programs_that_know_only_wyoming_read_the_rest() -> None:
    known = wyoming_info.Info.from_event(over_the_wire(FULL.event()))
    assert known.asr == FULL.asr
    assert known.tts == FULL.tts


def test_info_of_others_is_read() -> None:
    others = wyoming_info.Info(asr=FULL.asr)
    received = Info.from_event(over_the_wire(others.event()))
    assert received.asr == FULL.asr
    assert received.jobs == ["asr"]
    assert "vad" not in received.event().data
    assert Info.from_event(Event("info", {})).jobs == []
    assert Info.from_event(Event("info", {"asr": None, "vad": None, "satellite": None})).jobs == []


def test_what_is_not_installed_does_no_job() -> None:
    info = copy.deepcopy(FULL)
    info.tts[0].installed = False
    assert info.jobs == ["vad", "asr", "image"]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, child in children for deeper in paths(child, (*path, key)))]


@given(
    st.sampled_from(paths(FULL.event().data)[1:]),
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.none()) | st.just({"a": {}}),
)
def test_one_changed_value_is_read_or_said_to_be_wrong(path: tuple[Any, ...], value: Any) -> None:
    event = over_the_wire(FULL.event())
    inner: Any = event.data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        info = Info.from_event(event)
    except BadValue as error:
        assert "'info" in error.text
        assert "\n" not in error.text
    else:
        assert Info.from_event(over_the_wire(info.event())) == info


ASR, TTS, IMAGE = (FULL.event().data[job][0] for job in ("asr", "tts", "image"))


@pytest.mark.parametrize(
    "data",
    [
        {"asr": 5},
        {"asr": "asr"},
        {"asr": [5]},
        {"asr": [{}]},
        {"vad": {"name": "x"}},
        {"image": [None]},
        {"satellite": 5},
        {"tts": [{**TTS, "name": 5}]},
        {"tts": [{**TTS, "installed": "yes"}]},
        {"asr": [{**ASR, "models": [{"name": "x"}]}]},
        {"image": [{**IMAGE, "models": [{**IMAGE["models"][0], "labels": True}]}]},
    ],
)
def test_broken_info(data: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        Info.from_event(Event("info", data))
