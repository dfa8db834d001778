from __future__ import annotations

import re

from satellite.ulid import new_ulid


def test_ids_are_told_apart_and_sort_by_time() -> None:
    assert len({new_ulid() for _ in range(1000)}) == 1000
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", new_ulid())
    assert new_ulid(1) < new_ulid(2) < new_ulid(33) < new_ulid(2**40) < new_ulid()
    assert new_ulid(1469918176385)[:10] == "01ARYZ6S41"  # the specification's own example
