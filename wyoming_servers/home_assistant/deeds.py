"""Has Home Assistant carry out an intent, and tells what became of it.

By `POST /api/intent/handle`, of the integration `intent`, which Assist itself brings along: the intent goes to the very
handler that it would go to from Assist, with the slots that our sentences found. `conversation/process` would take the
words and parse them again, with other sentences than were heard, by an agent that may be a language model. With
`call_service` we would have to know what each of its handlers knows: which entities are meant, that a cover is opened
and a lock locked, and by how much a volume grows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import aiohttp

from models.engine import Intent
from wyoming_servers.skills.request import Outcome, Trouble

from .errors import CommandFailed, HassBanned, HassError, HassRefused
from .home import HomeAssistant
from .registry import ASSISTANT
from .socket import unreachable

_LOGGER = logging.getLogger(__name__)

DEED_S = 5.0
"""For all of it: who speaks waits for the answer. Home Assistant itself waits 0.2 s for a device."""

_PATH = "/api/intent/handle"
_MOST_BYTES = 1 << 20


class NoAnswer(HassError):
    """Home Assistant took the intent and did not say what became of it."""


async def carry_out(home: HomeAssistant, intent: Intent, language: str) -> Outcome:
    """Carry `intent` out on the entities that Assist may use; what goes wrong is logged, and stands in the outcome.

    Takes `DEED_S` at most. If cancelled, it may have been done.
    """
    try:
        return await _ask(home, intent, language)
    except HassError as error:
        match error:
            case HassRefused() | HassBanned():
                trouble = Trouble.REFUSED
            case CommandFailed():
                trouble = Trouble.NOT_DONE
            case NoAnswer():
                trouble = Trouble.NO_ANSWER
            case _:
                trouble = Trouble.AWAY
        _LOGGER.warning("%s was not carried out: %s", intent.name, error)
        return Outcome(trouble)


async def _ask(home: HomeAssistant, intent: Intent, language: str) -> Outcome:
    if home.refused:
        raise HassRefused("Home Assistant does not accept the token")  # each further time might ban us
    asked = {"name": intent.name, "data": dict(intent.slots), "language": language, "assistant": ASSISTANT}
    sent = False
    try:
        async with asyncio.timeout(DEED_S):
            async with home.session.post(
                home.url + _PATH,
                json=asked,
                headers={"Authorization": f"Bearer {home.token.value}"},
                allow_redirects=False,
            ) as response:
                sent = True
                body = b""
                while more := await response.content.read(_MOST_BYTES):
                    body += more
                    if len(body) > _MOST_BYTES:
                        raise NoAnswer(f"it answered {_PATH} with more than {_MOST_BYTES} bytes")
    except TimeoutError:
        raise NoAnswer(f"{home.url} did not answer {_PATH} within {DEED_S:g} s") from None
    except aiohttp.ClientConnectorError as error:
        raise unreachable(home.url, error) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if sent or isinstance(error, aiohttp.ServerDisconnectedError):
            raise NoAnswer(f"{home.url} ended the connection while it was asked") from None
        raise unreachable(home.url, error) from None
    return _read(intent, response.status, body)


def _read(intent: Intent, status: int, body: bytes) -> Outcome:
    text = body.decode(errors="replace")
    match status:
        case 200:
            pass
        case 401:
            raise HassRefused("it does not accept the token")
        case 403:
            raise HassBanned("it has banned this machine's address, see ip_bans.yaml in its config folder")
        case 404:
            raise CommandFailed(_PATH, "404", "its integration `intent` is missing, which comes with `conversation`")
        case 400:
            raise CommandFailed(_PATH, "400", f"{text[:200]} (is it older than what Hearth knows?)")
        case _:
            raise CommandFailed(_PATH, str(status), text[:200] or "no reason")
    try:
        answer = json.loads(text)
        data = answer["data"]
        if answer["response_type"] == "error":
            raise CommandFailed(intent.name, str(data["code"]), _speech(answer) or "no reason")
        return Outcome(failed=_entities(data["failed"]), speech=_speech(answer))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoAnswer(f"it answered {_PATH} with what is no answer: {text[:100]!r}") from None


def _entities(targets: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(str(target["name"]) for target in targets if target["type"] == "entity")


def _speech(answer: dict[str, Any]) -> str:
    said = answer.get("speech", {}).get("plain", {}).get("speech", "")
    return said[:1000] if isinstance(said, str) else ""
