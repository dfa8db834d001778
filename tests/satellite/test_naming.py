from __future__ import annotations

import re

from satellite.naming import slug


def test_a_name_that_is_plain_stays_as_it_is() -> None:
    assert slug("living-room") == "living-room"


def test_other_names_are_told_apart() -> None:
    names = [
        "Kitchen",
        "kitchen",
        "kitchen ",
        "Küche",
        "K/che",
        "🍳",
        "🛋️",
        "",
        "-",
        "a" * 300,
        "a" * 301,
        "../../etc",
        "+/#",
    ]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch("[a-z0-9][a-z0-9-]{0,48}", one) for one in slugs)
    assert slug("Küche").startswith("k-che-")
