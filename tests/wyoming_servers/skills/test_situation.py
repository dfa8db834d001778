import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_servers.skills.situation import MOST, Sighting, Situation, Timer, read_situation


def test_what_a_satellite_tells() -> None:
    situation = read_situation(
        {
            "sightings": [{"name": "person", "score": 0.9, "age_ms": 120, "camera": "door"}],
            "timers": [{"id": "a1", "name": "pizza", "seconds": 600, "seconds_left": 59.7}],
            "volume": 40,
            "last_reply": "It is 3 PM.",
            "area": "kitchen",
            "actions": ["stop", 5, None],
        }
    )
    assert situation == Situation(
        (Sighting("person", 120, "door"),),
        (Timer("a1", "pizza", 600, 60),),
        40,
        "It is 3 PM.",
        "kitchen",
        frozenset({"stop"}),
    )
    assert not situation.is_home_assistant


def test_who_heard_it_for_home_assistant() -> None:
    told = {"conversation_id": "01M8", "device_id": "870c53ef", "satellite_id": "assist_satellite.kitchen"}
    assert read_situation(told).heard_by == ("assist_satellite.kitchen", "870c53ef")
    assert read_situation({"device_id": "870c53ef", "satellite_id": None}).heard_by == ("870c53ef",)


def test_nothing_told_and_nothing_there_are_different() -> None:
    assert read_situation({}) == Situation(None, None, None, None)
    assert read_situation({"sightings": [], "timers": []}) == Situation((), (), None, None)
    assert read_situation({}).is_home_assistant
    assert not read_situation({"actions": []}).is_home_assistant


@pytest.mark.parametrize(
    "member",
    [
        None,
        5,
        "person",
        [],
        {},
        {"name": 5},
        {"name": ""},
        {"name": "x" * 1000},
        {"name": "a\nb"},
        {"name": "person", "age_ms": -1},
        {"name": "person", "age_ms": 6000},
        {"name": "person", "age_ms": "10"},
        {"name": "person", "age_ms": math.nan},
        {"name": "person", "age_ms": True},
    ],
)
def test_what_is_no_fresh_sighting_is_passed_over(member: Any) -> None:
    good = {"name": "dog", "age_ms": 10, "camera": "c"}
    assert read_situation({"sightings": [member, good]}).sightings == (Sighting("dog", 10, "c"),)


@pytest.mark.parametrize("volume", [-1, 101, "50", None, math.inf, True, []])
def test_what_is_no_volume(volume: Any) -> None:
    assert read_situation({"volume": volume}).volume is None


def test_only_so_many_are_looked_at() -> None:
    sightings = read_situation({"sightings": [{"name": "dog"}] * 10_000}).sightings
    assert sightings is not None
    assert len(sightings) == MOST


_KEYS = ["sightings", "timers", "volume", "last_reply", "area", "actions", "satellite_id", "device_id"]
_KEYS += ["name", "age_ms", "id", "seconds", "seconds_left"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=5,
        )
    ),
)


@given(context=_JSON)
def test_anything_can_be_read(context: Any) -> None:
    situation = read_situation(context)
    assert situation.volume is None or 0 <= situation.volume <= 100
    assert all(timer.id for timer in situation.timers or ())
