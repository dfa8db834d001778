from __future__ import annotations

from argparse import Namespace

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'wyoming-hearth[hass]'")

from satellite.commands.checks import State
from satellite.commands.home_assistant import check_home_assistant
from tests.wyoming_servers.home_assistant.hass import TOKEN, hass_running


async def found(url: str | None, token: str | None = TOKEN) -> tuple[State, str, str]:
    (finding,) = await check_home_assistant(Namespace(hass_url=url, hass_token=token))
    assert TOKEN not in finding.text + finding.remedy
    return finding.state, finding.text, finding.remedy


async def test_doctor_tells_how_many_names_home_assistant_knows() -> None:
    async with hass_running() as hass:
        state, text, remedy = await found(hass.url)
        assert state is State.NOTE
        assert "expose entities" in remedy
        hass.light("a", "Lamp")
        hass.area("k", "Kitchen")
        state, text, _ = await found(hass.url)
        assert state is State.OK
        assert text == f"Home Assistant 2026.11.0 at {hass.url} knows 1 names, 1 areas and 0 floors"


async def test_doctor_tells_what_is_wrong_with_it() -> None:
    assert await check_home_assistant(Namespace(hass_url=None, hass_token=None)) == []
    async with hass_running() as hass:
        for token, said in (("wrong", "start again with it"), (None, "--hass-token"), ("a b", "--hass-token")):
            state, _, remedy = await found(hass.url, token)
            assert state is State.FAULT
            assert said in remedy
    state, text, _ = await found(hass.url)
    assert state is State.FAULT
    assert "cannot be reached" in text
