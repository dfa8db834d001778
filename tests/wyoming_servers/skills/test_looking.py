from typing import Any

from tests.wyoming_servers.skills.requests import said


def seen(name: str, age_ms: int = 100, camera: str = "hall") -> dict[str, Any]:
    return {"name": name, "score": 0.8, "age_ms": age_ms, "camera": camera}


def test_without_a_camera() -> None:
    assert said("HearthLook") == "I cannot see: no camera is connected, or it shows me nothing."


def test_nothing_seen() -> None:
    assert said("HearthLook", sightings=[]) == "I see nothing that I know."
    assert said("HearthLook", {"object": "person"}, sightings=[]) == "I see nobody."


def test_counts() -> None:
    things = [seen("dog"), seen("person"), seen("person")]
    assert said("HearthLook", sightings=things) == "I see two people and one dog."
    assert said("HearthLook", {"object": "person"}, sightings=things) == "I see two people."
    assert said("HearthLook", {"object": "person"}, sightings=[seen("dog")]) == "I see nobody."


def test_what_is_stale_is_not_told() -> None:
    assert said("HearthLook", sightings=[seen("person", 60_000)]) == "I see nothing that I know."


def test_one_thing_in_two_pictures_is_one_thing() -> None:
    assert said("HearthLook", sightings=[seen("person", 900), seen("person", 100)]) == "I see one person."


def test_two_cameras() -> None:
    things = [seen("person", camera="hall"), seen("cat", camera="door")]
    assert said("HearthLook", sightings=things) == "On camera hall I see one person. On camera door I see one cat."
