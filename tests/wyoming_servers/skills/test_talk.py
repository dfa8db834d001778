from dataclasses import replace
from datetime import datetime

import pytest

from models.engine import Intent
from tests.wyoming_servers.skills.requests import ask, done, said
from wyoming_servers.skills import talk


def test_stop_is_silent() -> None:
    answer = ask("HearthStop")
    assert answer.text == ""
    assert done(answer) == [("stop", {})]


def test_repeat_what_was_said_aloud_first() -> None:
    assert said("HearthRepeat") == "I have not said anything yet."
    assert said("HearthRepeat", last_answer="It is 3 PM.") == "It is 3 PM."
    assert said("HearthRepeat", last_answer="It is 3 PM.", last_reply="Dinner is ready.") == "Dinner is ready."


@pytest.mark.parametrize(("hour", "part"), [(8, "morning"), (14, "afternoon"), (20, "evening"), (2, "evening")])
def test_hello(hour: int, part: str) -> None:
    assert said("HearthGreet", {"greeting": "hello"}, now=datetime(2026, 1, 1, hour)) == f"Good {part}."


def test_other_courtesies() -> None:
    assert said("HearthGreet", {"greeting": "goodbye"}) == "Goodbye."
    assert said("HearthGreet", {"greeting": "thanks"}) == "You are welcome."
    assert said("HassNevermind") == "Okay."
    assert "timer" in said("HearthHelp")


def test_the_same_again_elsewhere() -> None:
    also = Intent("HearthAlso", {"area": "kitchen"})
    lights = Intent("HassTurnOn", {"area": "office", "domain": "light"})
    assert talk.meant(also, lights) == Intent("HassTurnOn", {"area": "kitchen", "domain": "light"})
    assert talk.meant(also, Intent("HassGetCurrentTime")) is also
    assert talk.meant(also, None) is also
    everywhere = Intent("HassTurnOn", {"domain": "light"})
    assert talk.meant(also, everywhere) is also
    assert talk.meant(also, replace(everywhere, here=True)) == Intent(
        "HassTurnOn", {"area": "kitchen", "domain": "light"}
    )
    assert talk.meant(lights, lights) is lights
    assert said("HearthAlso", {"area": "kitchen"}) == "What about the kitchen? Please say the whole sentence."
