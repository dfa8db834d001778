"""How Home Assistant learns of a satellite: its MQTT discovery, one retained payload for the whole device.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.11 and later)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from satellite.report import State

ONLINE = "online"
OFFLINE = "offline"
ON = "ON"
OFF = "OFF"
PRESS = "PRESS"
UNKNOWN = "None"
"""What Home Assistant shows as "unknown"."""

STATE_CHARACTERS = 255
"""Longer states Home Assistant refuses."""

_QOS = 1


@dataclass(frozen=True, slots=True)
class Topics:
    """Where a satellite's values are published, and where it is commanded."""

    satellite: str
    """Unique among all that use the broker, in letters, digits and dashes."""

    prefix: str = "homeassistant"
    """Of Home Assistant's discovery."""

    def of(self, entity: str) -> str:
        """Return the topic of an entity's value."""
        return f"hearth/{self.satellite}/{entity}"

    def command(self, entity: str) -> str:
        """Return the topic of commands to an entity."""
        return f"{self.of(entity)}/set"

    @property
    def availability(self) -> str:
        """Where `online` or `offline` is published."""
        return self.of("status")

    @property
    def discovery(self) -> str:
        """Where Home Assistant learns of the satellite."""
        return f"{self.prefix}/device/hearth-{self.satellite}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has begun."""
        return f"{self.prefix}/status"


def detailed(state: str, **attributes: Any) -> str:
    """Return a value for `_detailed` entities: a state, cut where it is too long for one, and its attributes."""
    if len(state) > STATE_CHARACTERS:
        state = state[: STATE_CHARACTERS - 2] + " …"
    return json.dumps({"state": state, "attributes": attributes}, ensure_ascii=False)


def device(topics: Topics, *, name: str, version: str, camera: str | None) -> str:
    """Return the payload; `camera` is the name of the camera, where there is one."""
    entities = _satellite(topics)
    seeing = _camera(topics, camera or "camera")
    # One that had a camera before has none now: what names only its platform is taken away.
    entities |= seeing if camera is not None else {key: {"platform": seeing[key]["platform"]} for key in seeing}
    for key, entity in entities.items():
        if len(entity) > 1:
            entity["unique_id"] = f"hearth-{topics.satellite}-{key}"
    return json.dumps(
        {
            "device": {
                "identifiers": [f"hearth-{topics.satellite}"],
                "name": name,
                "manufacturer": "Hearth",
                "model": "Satellite",
                "sw_version": version,
            },
            "origin": {"name": "Hearth", "sw_version": version},
            "availability": [{"topic": topics.availability}],
            "qos": _QOS,
            "components": entities,
        },
        ensure_ascii=False,
    )


def _satellite(topics: Topics) -> dict[str, dict[str, Any]]:
    return {
        "state": {
            "platform": "sensor",
            "name": "State",
            "icon": "mdi:account-voice",
            "device_class": "enum",
            "options": [state.value for state in State],
            "state_topic": topics.of("state"),
        },
        "heard": {
            "platform": "sensor",
            "name": "Last heard",
            "icon": "mdi:ear-hearing",
            **_detailed(topics.of("heard")),
        },
        "said": {
            "platform": "sensor",
            "name": "Last said",
            "icon": "mdi:bullhorn",
            **_detailed(topics.of("said")),
        },
        "mute": {"platform": "switch", "name": "Mute", "icon": "mdi:microphone-off", **_settable(topics, "mute")},
        "volume": {
            "platform": "number",
            "name": "Volume",
            "icon": "mdi:volume-high",
            "min": 0,
            "max": 100,
            "step": 1,
            "unit_of_measurement": "%",
            **_settable(topics, "volume"),
        },
        "trigger": {
            "platform": "button",
            "name": "Listen",
            "icon": "mdi:microphone-message",
            "command_topic": topics.command("trigger"),
        },
        "stop": {
            "platform": "button",
            "name": "Stop",
            "icon": "mdi:stop",
            "command_topic": topics.command("stop"),
        },
    }


def _camera(topics: Topics, name: str) -> dict[str, dict[str, Any]]:
    name = name[:1].upper() + name[1:]
    return {
        "camera": {"platform": "switch", "name": name, "icon": "mdi:camera", **_settable(topics, "camera")},
        "camera_label": {
            "platform": "sensor",
            "name": f"{name} sees",
            "icon": "mdi:eye",
            **_detailed(topics.of("camera_label")),
        },
        "camera_person": {
            "platform": "binary_sensor",
            "name": f"{name} person",
            "device_class": "occupancy",
            "state_topic": topics.of("camera_person"),
        },
        "camera_image": {
            "platform": "image",
            "name": f"{name} last sighting",
            "content_type": "image/jpeg",
            "image_topic": topics.of("camera_image"),
        },
        "camera_fps": {
            "platform": "sensor",
            "name": f"{name} frames per second",
            "icon": "mdi:speedometer",
            "entity_category": "diagnostic",
            "state_class": "measurement",
            "unit_of_measurement": "fps",
            "suggested_display_precision": 1,
            "state_topic": topics.of("camera_fps"),
        },
    }


def _detailed(topic: str) -> dict[str, Any]:
    """Return how to read what `detailed` writes."""
    return {
        "state_topic": topic,
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": topic,
        "json_attributes_template": "{{ value_json.attributes | tojson }}",
    }


def _settable(topics: Topics, entity: str) -> dict[str, Any]:
    return {"state_topic": topics.of(entity), "command_topic": topics.command(entity)}
