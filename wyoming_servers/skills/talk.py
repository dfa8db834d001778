"""Talking about the talk: stop, repeat, never mind, the same again elsewhere, hello, help."""

from __future__ import annotations

from dataclasses import replace

from models.engine import Intent
from wyoming_servers.skills import english
from wyoming_servers.skills.request import Action, Answer, Request


def stop(_request: Request) -> Answer:
    """Be quiet, and say nothing about it."""
    return Answer("", (Action("stop"),))


def nevermind(_request: Request) -> Answer:
    """Let it be."""
    return Answer(english.OKAY)


def repeat(request: Request) -> Answer:
    """Say again what was last said aloud."""
    return Answer(request.situation.last_reply or request.last_answer or english.NOTHING_SAID)


def also(request: Request) -> Answer:
    """Answer "and in the kitchen" where nothing went before that it could mean; see `meant`."""
    return Answer(english.which_area(str(request.intent.slots.get("area"))))


def meant(intent: Intent, previous: Intent | None) -> Intent:
    """Return what `intent` means after `previous`: "[and] in the kitchen" is the previous one there."""
    if intent.name != "HearthAlso" or previous is None:
        return intent
    if not (previous.here or "area" in previous.slots or len(previous.things) > 1):
        return intent
    return replace(previous, slots={**previous.slots, **intent.slots})


def greet(request: Request) -> Answer:
    """Answer "hello", "goodbye" and "thank you"."""
    match request.intent.slots.get("greeting"):
        case "goodbye":
            return Answer(english.GOODBYE)
        case "thanks":
            return Answer(english.WELCOME)
        case _:
            return Answer(english.greeting(request.now))


def tell_abilities(_request: Request) -> Answer:
    """Say what can be said."""
    return Answer(english.HELP)


SKILLS = {
    "HearthStop": stop,
    "HassNevermind": nevermind,
    "HearthRepeat": repeat,
    "HearthAlso": also,
    "HearthGreet": greet,
    "HearthHelp": tell_abilities,
}
