"""What the house does about an intent: one file per family of skills, and one way in, `carry_out`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wyoming_servers.skills import arithmetic, clock, home, looking, talk, timers, volume
from wyoming_servers.skills.request import Action, Answer, Request
from wyoming_servers.skills.situation import Situation

Skill = Callable[[Request], Answer]

SKILLS: Mapping[str, Skill] = {
    **arithmetic.SKILLS,
    **clock.SKILLS,
    **home.SKILLS,
    **looking.SKILLS,
    **talk.SKILLS,
    **timers.SKILLS,
    **volume.SKILLS,
}
"""By intent. A skill is quick and pure: it reads the request, and what it wants done stands in its answer."""


def carry_out(request: Request) -> Answer:
    """Return the answer to a request; an intent that no skill knows is named, and not claimed to be done."""
    return SKILLS.get(request.intent.name, home.nobody_does)(request)


__all__ = ["SKILLS", "Action", "Answer", "Request", "Situation", "Skill", "carry_out"]
