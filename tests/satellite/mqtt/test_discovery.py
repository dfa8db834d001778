"""The payload by the rules of Home Assistant 2026.11's mqtt integration (schemas.py and each platform's schema)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from satellite.mqtt.discovery import STATE_CHARACTERS, Topics, detailed, device

TOPICS = Topics("kitchen-0123abcd")

COMMON = {"platform", "name", "icon", "unique_id", "json_attributes_topic", "json_attributes_template"}
READ = {"state_topic", "value_template", "device_class", "entity_category"}
REQUIRED: dict[str, set[str]] = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "switch": {"command_topic"},
    "number": {"command_topic"},
    "button": {"command_topic"},
    "image": {"image_topic"},
}
OPTIONAL: dict[str, set[str]] = {
    "sensor": READ | {"options", "state_class", "unit_of_measurement", "suggested_display_precision"},
    "binary_sensor": READ,
    "switch": {"state_topic"},
    "number": {"state_topic", "min", "max", "step", "unit_of_measurement"},
    "button": set(),
    "image": {"content_type"},
}


def payload(camera: str | None = None, name: str = "Küche 🍳") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(device(TOPICS, name=name, version="1.2", camera=camera))
    return told


def test_home_assistant_accepts_where_it_is_told() -> None:
    component, node = re.fullmatch(r"homeassistant/(\w+)/([a-zA-Z0-9_-]+)/config", TOPICS.discovery).groups()  # type: ignore[union-attr]
    assert (component, node) == ("device", "hearth-kitchen-0123abcd")
    assert Topics("x", "my/ha").discovery == "my/ha/device/hearth-x/config"
    assert Topics("x", "my/ha").birth == "my/ha/status"


@pytest.mark.parametrize("camera", [None, "front door 🚪"])
def test_every_entity_has_what_its_platform_needs_and_nothing_that_it_does_not_know(camera: str | None) -> None:
    told = payload(camera)
    assert set(told) == {"device", "origin", "availability", "qos", "components"}
    assert told["device"]["identifiers"] == ["hearth-kitchen-0123abcd"]
    assert told["device"]["name"] == "Küche 🍳"
    assert told["origin"] == {"name": "Hearth", "sw_version": "1.2"}
    assert told["availability"] == [{"topic": "hearth/kitchen-0123abcd/status"}]
    seen = set()
    for key, entity in told["components"].items():
        platform = entity["platform"]
        if set(entity) == {"platform"}:
            assert camera is None
            assert key.startswith("camera")
            continue
        assert REQUIRED[platform] <= set(entity)
        assert set(entity) <= COMMON | REQUIRED[platform] | OPTIONAL[platform]
        seen.add(entity["unique_id"])
        for name, topic in entity.items():
            if name.endswith("topic"):
                assert re.fullmatch(r"hearth/kitchen-0123abcd/[a-z_]+(/set)?", topic)
                assert topic.endswith("/set") == (name == "command_topic")
        if "options" in entity:
            assert entity["device_class"] == "enum"
            assert not {"state_class", "unit_of_measurement"} & set(entity)
    assert len(seen) == (12 if camera else 7)
    assert len(seen) == sum(len(entity) > 1 for entity in told["components"].values())


def test_the_camera_has_its_name() -> None:
    assert payload("front door 🚪")["components"]["camera_person"]["name"] == "Front door 🚪 person"


def test_what_is_too_long_for_a_state_is_whole_in_its_attributes() -> None:
    assert json.loads(detailed("ü", text="ü")) == {"state": "ü", "attributes": {"text": "ü"}}
    for length in (STATE_CHARACTERS, STATE_CHARACTERS + 1, 5000):
        told = json.loads(detailed("🍳" * length, text="🍳" * length))
        assert len(told["state"]) == STATE_CHARACTERS
        assert told["state"].endswith(" …") == (length > STATE_CHARACTERS)
        assert told["attributes"]["text"] == "🍳" * length
