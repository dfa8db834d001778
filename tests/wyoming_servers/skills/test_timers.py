from typing import Any

from models.engine import Intent
from tests.wyoming_servers.skills.requests import ask, done, said
from wyoming_servers.skills import Answer

PIZZA = {"id": "p", "name": "pizza", "seconds": 600, "seconds_left": 125}
FIVE = {"id": "f", "name": "", "seconds": 300, "seconds_left": 1}


def test_set() -> None:
    answer = ask("HassStartTimer", {"minutes": 10, "name": "pizza"}, timers=[])
    assert answer.text == "Pizza timer set for 10 minutes."
    assert done(answer) == [("timer-set", {"name": "pizza", "seconds": 600})]
    answer = ask("HassStartTimer", {"hours": 1, "minutes": 30}, timers=[PIZZA])
    assert answer.text == "Timer set for 1 hour and 30 minutes."
    assert done(answer) == [("timer-set", {"name": "", "seconds": 5400})]


def test_home_assistant_keeps_its_own() -> None:
    slots = {"minutes": 1, "name": "egg"}
    answer = ask("HassStartTimer", slots, actions=None)
    assert answer == Answer("Egg timer set for 1 minute.", wanted=Intent("HassStartTimer", slots))
    assert said("HassStartTimer", {}, actions=None).startswith("For how long?")
    for intent in ("HassTimerStatus", "HassCancelTimer", "HassCancelAllTimers"):
        answer = ask(intent, {"name": "egg"}, response="so", actions=None)
        assert answer == Answer("so", wanted=Intent(intent, {"name": "egg"}))


def test_for_how_long() -> None:
    assert said("HassStartTimer", {}, timers=[]).startswith("For how long?")


def test_nothing_is_claimed_where_nobody_keeps_timers() -> None:
    slots: dict[str, Any] = {"minutes": 5}
    for intent in ("HassStartTimer", "HassTimerStatus", "HassCancelTimer", "HassCancelAllTimers"):
        assert said(intent, slots) == "I understood, but what you speak to keeps no timers."


def test_how_much_time_is_left() -> None:
    assert said("HassTimerStatus", timers=[]) == "No timer is set."
    assert said("HassTimerStatus", timers=[PIZZA]) == "There are 2 minutes and 5 seconds left on the pizza timer."
    assert said("HassTimerStatus", timers=[PIZZA, FIVE]) == (
        "There is 1 second left on the 5 minute timer and 2 minutes and 5 seconds left on the pizza timer."
    )
    assert said("HassTimerStatus", {"name": "Pizza"}, timers=[PIZZA, FIVE]).endswith("left on the pizza timer.")
    assert said("HassTimerStatus", {"name": "tea"}, timers=[PIZZA]) == "There is no tea timer."


def test_cancel_the_one_that_is_meant() -> None:
    answer = ask("HassCancelTimer", timers=[PIZZA])
    assert answer.text == "The pizza timer is cancelled."
    assert done(answer) == [("timer-cancel", {"id": "p"})]
    assert done(ask("HassCancelTimer", {"start_minutes": 5}, timers=[PIZZA, FIVE])) == [("timer-cancel", {"id": "f"})]
    assert done(ask("HassCancelTimer", {"name": "pizza"}, timers=[PIZZA, FIVE])) == [("timer-cancel", {"id": "p"})]


def test_cancel_asks_which() -> None:
    assert said("HassCancelTimer", timers=[PIZZA, FIVE]) == (
        "There are two timers: the pizza timer and the 5 minute timer. Say which one, or cancel all timers."
    )


def test_cancel_what_is_not_there() -> None:
    assert said("HassCancelTimer", timers=[]) == "No timer is set."
    assert said("HassCancelTimer", {"start_hours": 2}, timers=[PIZZA]) == "There is no 2 hour timer."


def test_cancel_all() -> None:
    answer = ask("HassCancelAllTimers", timers=[PIZZA, FIVE])
    assert answer.text == "Two timers cancelled."
    assert done(answer) == [("timer-cancel", {"id": "p"}), ("timer-cancel", {"id": "f"})]
    assert said("HassCancelAllTimers", timers=[]) == "No timer is set."


CHANGES: dict[str, Any] = {"actions": ["timer-set", "timer-pause", "timer-resume", "timer-add"]}


def test_paused_and_resumed() -> None:
    answer = ask("HassPauseTimer", timers=[PIZZA], **CHANGES)
    assert answer.text == "The pizza timer is paused."
    assert done(answer) == [("timer-pause", {"id": "p"})]
    answer = ask("HassUnpauseTimer", {"start_minutes": 5}, timers=[PIZZA, FIVE], **CHANGES)
    assert answer.text == "The 5 minute timer goes on."
    assert done(answer) == [("timer-resume", {"id": "f"})]


def test_longer_and_shorter() -> None:
    answer = ask("HassIncreaseTimer", {"minutes": 5}, timers=[PIZZA], **CHANGES)
    assert answer.text == "5 minutes added to the pizza timer."
    assert done(answer) == [("timer-add", {"id": "p", "seconds": 300})]
    answer = ask("HassDecreaseTimer", {"minutes": 1, "name": "Pizza"}, timers=[PIZZA, FIVE], **CHANGES)
    assert answer.text == "1 minute taken off the pizza timer."
    assert done(answer) == [("timer-add", {"id": "p", "seconds": -60})]


def test_what_cannot_be_changed() -> None:
    for intent in ("HassPauseTimer", "HassUnpauseTimer", "HassIncreaseTimer", "HassDecreaseTimer"):
        slots = {"minutes": 5}
        assert said(intent, slots, **CHANGES) == "I understood, but what you speak to keeps no timers."
        assert said(intent, slots, timers=[], **CHANGES) == "No timer is set."
        assert said(intent, slots, timers=[PIZZA, FIVE], **CHANGES).startswith("There are two timers")
        assert said(intent, slots, timers=[PIZZA]).startswith(
            "I understood, but what you speak to cannot change a timer"
        )


def test_home_assistant_changes_its_own() -> None:
    slots: dict[str, Any]
    for intent in ("HassPauseTimer", "HassUnpauseTimer"):
        slots = {"name": "egg"}
        answer = ask(intent, slots, response="so", actions=None)
        assert answer == Answer("so", wanted=Intent(intent, slots))
    slots = {"minutes": 1, "start_minutes": 5}
    answer = ask("HassIncreaseTimer", slots, response="{{ so }}", actions=None)
    assert answer == Answer("1 minute added to the 5 minute timer.", wanted=Intent("HassIncreaseTimer", slots))
    assert said("HassDecreaseTimer", {"hours": 1}, actions=None) == "1 hour taken off the timer."
