from __future__ import annotations

from bench.home_assistant import converse


async def test_turns_that_are_cut_off_at_random_moments_leave_nothing_stuck_and_none_is_answered_twice() -> None:
    outcome = await converse(turns=12, seed=2)
    assert outcome.stuck == []
    assert outcome.too_often_played == 0
    assert set(outcome.heard) <= set(outcome.sent)
    assert max(outcome.heard.values(), default=0) == 1, outcome.heard
    assert outcome.ends["whole"] > 0
    assert len(outcome.ends) > 1, "none was cut off"
