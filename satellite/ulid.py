"""Ids that sort by time: ULID (https://github.com/ulid/spec), 48 bits of milliseconds and 80 of chance."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26


def new_ulid(milliseconds: int | None = None) -> str:
    """Return an id of 26 letters and digits; `milliseconds` since 1970 are the wall clock's unless given."""
    now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    value = (now & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(_LENGTH)))
