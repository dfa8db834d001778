"""Skip all of it where aiohttp is not installed."""

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'wyoming-hearth[hass]'")
