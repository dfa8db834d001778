"""Names of people's own choosing, as names of files and topics."""

from __future__ import annotations

import hashlib
import re

_MOST = 40
"""Characters that are taken over from a name."""


def slug(name: str) -> str:
    """Return `name` in letters a to z, digits and dashes: the same for the same name, another for any other one."""
    plain = re.sub("[^a-z0-9]+", "-", name.lower())[:_MOST].strip("-")
    if plain and plain == name:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")
