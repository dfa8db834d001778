from __future__ import annotations

from camera.sightings import KEEP_S, Sightings
from wyoming_servers.wire.image import LabelScore

PERSON = LabelScore("person", 0, 0.91234)
CAT = LabelScore("cat", 1, 0.5)


def test_what_each_camera_saw_last() -> None:
    sightings = Sightings()
    sightings.saw("door", [CAT], 9.0)
    sightings.saw("door", [PERSON, PERSON], 10.0)
    sightings.saw("garden", [], 10.2)
    assert sightings.listed(10.25) == [{"name": "person", "score": 0.912, "age_ms": 250, "camera": "door"}] * 2


def test_an_older_frame_changes_nothing() -> None:
    sightings = Sightings()
    sightings.saw("door", [PERSON], 10.0)
    sightings.saw("door", [CAT], 9.5)
    assert [seen["name"] for seen in sightings.listed(10.0) or []] == ["person"]


def test_nobody_looking_is_not_nothing_seen() -> None:
    sightings = Sightings()
    assert sightings.listed(0.0) is None
    sightings.saw("door", [], 10.0)
    assert sightings.listed(10.0 + KEEP_S) == []
    assert sightings.listed(10.1 + KEEP_S) is None
