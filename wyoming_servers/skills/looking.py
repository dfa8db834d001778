"""What the camera sees, as it was when the words were said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from wyoming_servers.skills import english
from wyoming_servers.skills.request import Answer, Request
from wyoming_servers.skills.situation import Sighting


def look(request: Request) -> Answer:
    """Answer "what do you see", and "is anybody there" (slot `object`)."""
    seen = request.situation.sightings
    if seen is None:
        return Answer(english.NO_CAMERA)
    wanted = request.intent.slots.get("object")
    if wanted is not None:
        seen = tuple(one for one in seen if one.name == wanted)
    if not seen:
        return Answer(english.NOBODY_SEEN if wanted == "person" else english.NOTHING_SEEN)
    return Answer(english.seen(_counts(seen)))


def _counts(seen: Iterable[Sighting]) -> dict[str, Counter[str]]:
    """Return how many of each thing each camera saw, in the newest of its pictures that had any."""
    ages: defaultdict[tuple[str, str], Counter[float]] = defaultdict(Counter)
    for one in seen:
        ages[one.camera, one.name][one.age_ms] += 1
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (camera, name), by_age in ages.items():
        counts[camera][name] = by_age[min(by_age)]
    return counts


SKILLS = {"HearthLook": look}
