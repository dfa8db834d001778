"""What the tests of the skills share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.engine import Intent
from models.sentences.house import House, load_house
from wyoming_servers.skills import Answer, Request, carry_out
from wyoming_servers.skills.situation import read_situation

NOW = datetime(2026, 11, 22, 15, 5)


def ask(
    intent: str,
    slots: dict[str, Any] | None = None,
    *,
    now: datetime = NOW,
    house: House | None = None,
    last_answer: str | None = None,
    response: str = "",
    here: bool = False,
    **context: Any,
) -> Answer:
    """Return the house's answer to `intent`, told by a satellite of ours; by Home Assistant where `actions` is None."""
    context.setdefault("actions", ["timer-set", "timer-cancel", "volume-set", "stop"])
    situation = read_situation(context)
    wanted = Intent(intent, slots or {}, response, here)
    return carry_out(Request(wanted, situation, house or load_house(), now, last_answer))


def said(intent: str, slots: dict[str, Any] | None = None, **more: Any) -> str:
    """Return the text of an answer that asks for no action."""
    answer = ask(intent, slots, **more)
    assert answer.actions == ()
    return answer.text


def done(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    """Return the actions of an answer, without their ids."""
    return [(action.name, dict(action.data)) for action in answer.actions]
