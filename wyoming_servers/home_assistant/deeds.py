"""Has Home Assistant carry out an intent, and tells what became of it.

By `POST /api/intent/handle`, of the integration `intent`, which Assist itself brings along: the intent goes to the very
handler that it would go to from Assist, with the slots that our sentences found. `conversation/process` would take the
words and parse them again, with other sentences than were heard, by an agent that may be a language model. With
`call_service` we would have to know what each of its handlers knows: which entities are meant, that a cover is opened
and a lock locked, and by how much a volume grows.

To a question it only answers which entities it is about. What is to be said of them is made by `POST /api/template`, of
the response that belongs to the sentence, as Assist makes it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import aiohttp

from models.engine import Intent
from wyoming_servers.home_assistant.errors import CommandFailed, HassBanned, HassError, HassRefused
from wyoming_servers.home_assistant.home import HomeAssistant
from wyoming_servers.home_assistant.registry import ASSISTANT
from wyoming_servers.home_assistant.socket import unreachable
from wyoming_servers.skills.request import Outcome, Trouble

_LOGGER = logging.getLogger(__name__)

DEED_S = 5.0
"""For all of it: who speaks waits for the answer. Home Assistant itself waits 0.2 s for a device."""

_PATH = "/api/intent/handle"
_TEMPLATE_PATH = "/api/template"

_ASKED_OF = (
    "{% set found = states | selectattr('entity_id', 'in', ids) | list %}"
    "{% set query = {'matched': found | selectattr('state', 'eq', slots.state) | list,"
    " 'unmatched': found | rejectattr('state', 'eq', slots.state) | list} %}"
    "{% set state = found | first %}"
)
"""What a response knows of the answer to a question, as in Home Assistant's `conversation/default_agent.py`."""

_MOST_BYTES = 1 << 20

_MOST_CHARACTERS = 1000
"""That are said."""


class NoAnswer(HassError):
    """Home Assistant took the intent and did not say what became of it."""


async def carry_out(home: HomeAssistant, intent: Intent, language: str) -> Outcome:
    """Carry `intent` out on the entities that Assist may use; what goes wrong is logged, and stands in the outcome.

    Takes `DEED_S` at most. If cancelled, it may have been done.
    """
    try:
        async with asyncio.timeout(DEED_S):
            return await _ask(home, intent, language)
    except TimeoutError:
        trouble, why = Trouble.NO_ANSWER, f"{home.url} did not answer within {DEED_S:g} s"
    except HassError as error:
        trouble, why = _trouble(error), str(error)
    _LOGGER.warning("%s was not carried out: %s", intent.name, why)
    return Outcome(trouble)


def _trouble(error: HassError) -> Trouble:
    match error:
        case HassRefused() | HassBanned():
            return Trouble.REFUSED
        case CommandFailed():
            return Trouble.NOT_DONE
        case NoAnswer():
            return Trouble.NO_ANSWER
        case _:
            return Trouble.AWAY


async def _ask(home: HomeAssistant, intent: Intent, language: str) -> Outcome:
    if home.refused:
        raise HassRefused("Home Assistant does not accept the token")  # each further time might ban us
    asked = {"name": intent.name, "data": dict(intent.slots), "language": language, "assistant": ASSISTANT}
    outcome, found = _read(intent, await _post(home, _PATH, asked))
    if found is None or outcome.speech or not intent.response:
        return outcome
    variables = {"ids": found, "slots": dict(intent.slots)}
    said = await _post(home, _TEMPLATE_PATH, {"template": _ASKED_OF + intent.response, "variables": variables})
    return replace(outcome, speech=" ".join(said.split())[:_MOST_CHARACTERS])


async def _post(home: HomeAssistant, path: str, asked: dict[str, Any]) -> str:
    """Return what is answered to what is `asked`; raise `HassError` where that is no good answer."""
    sent = False
    try:
        async with home.session.post(
            home.url + path,
            json=asked,
            headers={"Authorization": f"Bearer {home.token.value}"},
            allow_redirects=False,
        ) as response:
            sent = True
            body = b""
            while more := await response.content.read(_MOST_BYTES):
                body += more
                if len(body) > _MOST_BYTES:
                    raise NoAnswer(f"it answered {path} with more than {_MOST_BYTES} bytes")
    except aiohttp.ClientConnectorError as error:
        raise unreachable(home.url, error) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if sent or isinstance(error, aiohttp.ServerDisconnectedError):
            raise NoAnswer(f"{home.url} ended the connection while it was asked") from None
        raise unreachable(home.url, error) from None
    text = body.decode(errors="replace")
    match response.status:
        case 200:
            return text
        case 401:
            raise HassRefused("it does not accept the token")
        case 403:
            raise HassBanned("it has banned this machine's address, see ip_bans.yaml in its config folder")
        case 404:
            raise CommandFailed(path, "404", "its integration `intent` is missing, which comes with `conversation`")
        case 400:
            raise CommandFailed(path, "400", f"{text[:200]} (is it older than what Hearth knows?)")
        case status:
            raise CommandFailed(path, str(status), text[:200] or "no reason")


def _read(intent: Intent, text: str) -> tuple[Outcome, list[str] | None]:
    """Return what became of an intent and, where it is a question, the ids of the entities that it is about."""
    try:
        answer = json.loads(text)
        data = answer["data"]
        if answer["response_type"] == "error":
            raise CommandFailed(intent.name, str(data["code"]), _speech(answer) or "no reason")
        found = [str(target["id"]) for target in data["success"] if target["type"] == "entity"]
        outcome = Outcome(failed=_entities(data["failed"]), speech=_speech(answer))
        return outcome, found if answer["response_type"] == "query_answer" else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoAnswer(f"it answered {_PATH} with what is no answer: {text[:100]!r}") from None


def _entities(targets: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(str(target["name"]) for target in targets if target["type"] == "entity")


def _speech(answer: dict[str, Any]) -> str:
    said = answer.get("speech", {}).get("plain", {}).get("speech", "")
    return said[:_MOST_CHARACTERS] if isinstance(said, str) else ""
