"""How loud the satellite speaks; the volume of anything else is the home's affair."""

from __future__ import annotations

from wyoming_servers.skills import english, home
from wyoming_servers.skills.request import Action, Answer, Request

STEP = 10
"""Percent points of "louder"."""


def set_volume(request: Request) -> Answer:
    """Answer "set the volume to fifty percent"."""
    level = request.intent.slots.get("volume_level")
    if _is_of_the_home(request) or not isinstance(level, (int, float)):
        return home.control(request)
    return _set(request, level)


def change_volume(request: Request) -> Answer:
    """Answer "louder", "volume down by twenty percent"."""
    step = request.intent.slots.get("volume_step")
    step = {"up": STEP, "down": -STEP}.get(step) if isinstance(step, str) else step
    if _is_of_the_home(request) or not isinstance(step, (int, float)):
        return home.control(request)
    return _set(request, (request.situation.volume or 0) + step)


def tell_volume(request: Request) -> Answer:
    """Answer "how loud are you"."""
    percent = request.situation.volume
    return Answer(english.VOLUME_UNKNOWN if percent is None else english.volume(percent))


def _set(request: Request, percent: float) -> Answer:
    if request.situation.volume is None:
        return Answer(english.NO_VOLUME_THERE)
    wanted = round(min(max(percent, 0), 100))
    return Answer(english.volume(wanted), (Action("volume-set", {"percent": wanted}),))


def _is_of_the_home(request: Request) -> bool:
    """Return True where something else is meant, or Home Assistant asks, which sets any volume."""
    slots = request.intent.slots
    return request.situation.is_home_assistant or "area" in slots or "name" in slots


SKILLS = {"HassSetVolume": set_volume, "HassSetVolumeRelative": change_volume, "HearthGetVolume": tell_volume}
