"""Intents that our own Home Assistant carries out, from the handle server's door to the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from wyoming.asr import Transcript
from wyoming.client import AsyncClient

from tests.wyoming_servers.home_assistant.hass import TOKEN, Hass, hass_running
from tests.wyoming_servers.serving import send, serving, until
from wyoming_servers.handle import JOB
from wyoming_servers.home_assistant import deeds

SATELLITE: dict[str, Any] = {"actions": ["timer-set"]}


def furnished() -> Hass:
    hass = Hass()
    hass.floors.append({"floor_id": "g", "name": "ground floor", "aliases": []})
    hass.area("office", "Office", floor="g")
    hass.area("kitchen", "Kitchen 🍳")
    hass.light("desk", "💡 Desk Lamp", area="office")
    hass.light("night", "Night Light")
    hass.light("ceiling", "Ceiling", area="office")
    hass.light("ceiling_2", "Ceiling", area="kitchen")
    hass.entities["cover.c"] = {**hass.entities["light.night"], "entity_id": "cover.c", "friendly_name": "Curtains"}
    return hass


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[tuple[Hass, AsyncClient]]:
    options = ("--engine", "embedded", "--data-dir", str(folder), "--hass-token", TOKEN)
    async with (
        hass_running(furnished()) as hass,
        serving(JOB, *options, "--hass-url", hass.url) as uri,
        AsyncClient.from_uri(uri) as client,
    ):
        yield hass, client


async def ask(client: AsyncClient, text: str, **context: Any) -> str:
    await send(client, Transcript(text, context={"conversation_id": "c", **SATELLITE, **context}))
    return str((await until(client, "handled", "not-handled", "error", "intent"))[-1].data["text"])


@pytest.mark.parametrize(
    ("said", "intent", "slots", "answer"),
    [
        ("turn on the desk lamp", "HassTurnOn", {"name": "💡 Desk Lamp"}, "Turned on the Desk Lamp."),
        ("open the curtains", "HassTurnOn", {"name": "Curtains"}, "Opened the Curtains."),
        (
            "turn off the lights in the kitchen",
            "HassTurnOff",
            {"area": "Kitchen 🍳", "domain": "light"},
            "Turned off the lights in the Kitchen.",
        ),
        (
            "turn on the lights on the ground floor",
            "HassTurnOn",
            {"floor": "ground floor", "domain": "light"},
            "Turned on the lights on the ground floor.",
        ),
        (
            "set the night light brightness to fifty percent",
            "HassLightSet",
            {"name": "Night Light", "brightness": 50},
            "Set the Night Light to 50 percent.",
        ),
    ],
)
async def test_it_is_done_and_told(tmp_path: Path, said: str, intent: str, slots: dict[str, Any], answer: str) -> None:
    async with connected(tmp_path) as (hass, client):
        assert await ask(client, said) == answer
        assert hass.intents == [{"name": intent, "data": slots, "language": "en", "assistant": "conversation"}]


async def test_here_is_where_it_was_said(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, client):
        assert await ask(client, "turn on the lights", area="Office") == "Turned on the lights in the Office."
        assert hass.intents[-1]["data"] == {"domain": "light", "area": "Office"}
        assert await ask(client, "turn on the lights") == "In which room?"
        assert len(hass.intents) == 1
        assert await ask(client, "in the kitchen") == "Turned on the lights in the Kitchen."


async def test_here_is_where_home_assistants_satellite_is(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, client):
        hass.devices = [{"id": "d1", "area_id": "kitchen"}, {"id": "d2", "area_id": None}]
        await hass.tell("device_registry_updated")

        async def said(**context: Any) -> Any:
            await send(client, Transcript("turn on the lights", context={"conversation_id": "c", **context}))
            event = (await until(client, "intent", "handled"))[-1]
            return event.data["text"] if event.type == "handled" else event.data["entities"]

        here = [{"name": "domain", "value": "light"}, {"name": "area", "value": "Kitchen 🍳"}]
        async with asyncio.timeout(60):
            while await said(device_id="d1") != here:  # noqa: ASYNC110 - the test looks from outside
                await asyncio.sleep(0.1)
        assert await said(device_id="d1", satellite_id="assist_satellite.unknown") == here
        assert await said(device_id="d2") == await said(device_id="other") == await said() == "In which room?"
        assert not hass.intents


async def test_of_things_that_are_called_alike_the_one_here_or_none(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, client):
        assert await ask(client, "turn on the ceiling") == "Which Ceiling: in the Kitchen or Office?"
        assert not hass.intents
        assert await ask(client, "in the kitchen") == "Turned on the Ceiling in the Kitchen."
        assert hass.intents[-1]["data"] == {"name": "Ceiling", "area": "Kitchen 🍳"}
        assert await ask(client, "turn off the ceiling", area="Office") == "Turned off the Ceiling in the Office."
        assert hass.intents[-1]["data"] == {"name": "Ceiling", "area": "Office"}


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        ({"code": "failed_to_handle", "speech": "No entities matched"}, "Sorry, Home Assistant could not turn on"),
        (500, "Sorry, Home Assistant could not turn on the Desk Lamp."),
        (400, "Sorry, Home Assistant could not turn on the Desk Lamp."),
        (404, "Sorry, Home Assistant could not turn on the Desk Lamp."),
        (403, "But Home Assistant does not let me in."),
        ("<html>", "I asked Home Assistant to turn on the Desk Lamp, but it has not answered."),
        ("[]", "but it has not answered."),
        ("x" * 3_000_000, "but it has not answered."),
        (
            {
                "success": [{"name": "a", "type": "entity", "id": "light.a"}],
                "failed": [{"name": "b", "type": "entity"}],
            },
            "Turned on the Desk Lamp, but not b.",
        ),
        ({"speech": "As you wish."}, "As you wish."),
    ],
)
async def test_what_really_happened_is_said(tmp_path: Path, outcome: Any, answer: str) -> None:
    async with connected(tmp_path) as (hass, client):
        hass.outcome = outcome
        assert answer in await ask(client, "turn on the desk lamp")
        hass.outcome = {}
        assert await ask(client, "turn on the desk lamp") == "Turned on the Desk Lamp."


async def test_a_question_is_answered_by_its_response(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, client):
        hass.outcome = {
            "response_type": "query_answer",
            "success": [
                {"name": "Office", "type": "area", "id": "office"},
                {"name": "Desk Lamp", "type": "entity", "id": "light.desk"},
            ],
        }
        hass.rendered = "\n  No, \n off\n"
        assert await ask(client, "is the desk lamp on") == "No, off"
        assert hass.intents[-1]["name"] == "HassGetState"
        assert hass.intents[-1]["data"] == {"name": "💡 Desk Lamp", "state": "on"}
        assert hass.templates[-1]["variables"] == {"ids": ["light.desk"], "slots": hass.intents[-1]["data"]}
        assert "query.matched" in hass.templates[-1]["template"]
        hass.rendered = 400  # as where there is nothing that the response could tell of
        assert await ask(client, "are any lights on in the kitchen") == "Sorry, Home Assistant could not do that."
        hass.outcome = {**hass.outcome, "speech": "It is."}
        assert await ask(client, "is the desk lamp on") == "It is."
        assert len(hass.templates) == 2


async def test_a_slow_one_is_not_waited_for_longer_than_a_speaker_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deeds, "DEED_S", 0.2)
    async with connected(tmp_path) as (hass, client):
        hass.slow_s = 5
        assert "it has not answered" in await ask(client, "turn on the desk lamp")


async def test_one_that_is_away_is_said(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, _):
        pass
    options = ("--engine", "embedded", "--data-dir", str(tmp_path), "--hass-token", TOKEN)
    async with serving(JOB, *options, "--hass-url", hass.url) as uri, AsyncClient.from_uri(uri) as client:
        answer = await ask(client, "turn on the desk lamp")  # its name is in the cache
        assert answer == "I understood: turn on the Desk Lamp. But I cannot reach Home Assistant."
        assert (await ask(client, "what time is it")).startswith("It is")


async def test_a_refused_token_is_not_shown_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(tmp_path) as (hass, _):
        pass
    hass.token, hass.logins = "another", []
    async with hass_running(hass, int(hass.url.rpartition(":")[2])):
        options = ("--engine", "embedded", "--data-dir", str(tmp_path), "--hass-token", TOKEN)
        async with serving(JOB, *options, "--hass-url", hass.url) as uri, AsyncClient.from_uri(uri) as client:
            for _ in range(3):
                assert "Home Assistant does not let me in" in await ask(client, "turn on the desk lamp")
    assert hass.logins == [TOKEN]
    assert TOKEN not in caplog.text


async def test_a_home_assistant_that_asks_does_it_itself(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hass, client):
        await send(client, Transcript("turn on the desk lamp", context={"conversation_id": "c"}))
        event = (await until(client, "intent", "handled"))[-1]
        assert event.type == "intent"
        assert event.data["entities"] == [{"name": "name", "value": "💡 Desk Lamp"}]
        assert hass.intents == []


async def test_new_names_are_understood_while_others_ask(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path) as (hass, client):
        assert "understand" in await ask(client, "turn on the lava lamp")
        hass.light("lava", "Lava Lamp")
        await hass.tell()
        async with asyncio.timeout(60):
            while (answer := await ask(client, "turn on the lava lamp")) != "Turned on the Lava Lamp.":
                assert "understand" in answer
                assert (await ask(client, "what time is it")).startswith("It is")
                await asyncio.sleep(0.05)


async def test_nothing_is_written_of_the_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(tmp_path) as (hass, client):
        hass.outcome = 500
        await ask(client, "turn on the desk lamp")
    assert TOKEN not in caplog.text
    assert TOKEN not in (tmp_path / "home_assistant.json").read_text()
