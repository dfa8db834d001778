"""Simple arithmetic, on the whole numbers that the sentences give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from wyoming_servers.skills import english
from wyoming_servers.skills.request import Answer, Request

_OPERATIONS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "plus": lambda left, right: left + right,
    "minus": lambda left, right: left - right,
    "times": lambda left, right: left * right,
    "divided by": lambda left, right: left / right,
    "percent of": lambda left, right: left * right / 100,
}


def calculate(request: Request) -> Answer:
    """Answer "what is seven times eight"."""
    slots = request.intent.slots
    operation = str(slots.get("operation"))
    try:
        left, right = Fraction(slots["left"]), Fraction(slots["right"])
        value = _OPERATIONS[operation](left, right)
    except ZeroDivisionError:
        return Answer(english.BY_ZERO)
    except (KeyError, TypeError, ValueError):
        return Answer(english.NOT_CALCULABLE)
    return Answer(english.result(left, operation, right, value))


SKILLS = {"HearthCalculate": calculate}
