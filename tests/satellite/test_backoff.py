from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from satellite.backoff import backoff


def test_grows_to_the_most_and_stays_there() -> None:
    waits = backoff(0.25, 2, random=lambda: 0.0)
    assert list(islice(waits, 6)) == [0.25, 0.5, 1, 2, 2, 2]


def test_jitter_shortens_each_wait_by_up_to_its_share() -> None:
    assert list(islice(backoff(1, 4, jitter=0.5, random=lambda: 1.0), 3)) == [0.5, 1, 2]
    draws = iter([0.0, 1.0, 0.5])
    assert list(islice(backoff(1, 4, jitter=0.5, random=lambda: next(draws)), 3)) == [1, 1, 3]


def test_the_first_is_never_more_than_the_most() -> None:
    assert next(backoff(5, 1, random=lambda: 0.0)) == 1


@given(st.floats(0.01, 10), st.floats(0.01, 100), st.floats(1, 10), st.floats(0, 1))
def test_every_wait_is_within_bounds(first: float, most: float, factor: float, jitter: float) -> None:
    for wait in islice(backoff(first, most, factor=factor, jitter=jitter), 100):
        assert min(first, most) * (1 - jitter) <= wait <= most


def test_who_comes_back_is_noticed_within_a_share_of_the_time_away() -> None:
    now = 0.0
    for wait in islice(backoff(0.25, 1000, factor=1.2, random=lambda: 0.0), 30):
        assert wait <= max(0.25, 0.2 * now + 0.25)
        now += wait
