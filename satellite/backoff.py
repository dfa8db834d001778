"""How long to wait before trying again: exponential back-off with jitter.

Jitter keeps many clients that lost the same server from coming back in the same instant (Brooker, "Exponential Backoff
And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Iterator


def backoff(
    first: float,
    most: float,
    *,
    factor: float = 2.0,
    jitter: float = 0.25,
    random: Callable[[], float] = _random.random,
) -> Iterator[float]:
    """Yield, for ever, the seconds to wait before each next try; begin anew with a new iterator.

    The waits grow from `first` by `factor` up to `most`, and each is shortened by up to the share `jitter` of it, as
    `random` (0 to 1) says. When every wait is slept through and the tries take no time, who comes back after being away
    for t seconds is noticed at most about (factor - 1) * t later.
    """
    wait = min(first, most)
    while True:
        yield wait * (1 - jitter * random())
        wait = min(wait * factor, most)
