"""Whether Home Assistant tells of the house and takes the token, for `hearth doctor`."""

from __future__ import annotations

from argparse import Namespace

from models.engine import EngineUnavailable
from wyoming_servers.home_assistant.errors import HassError, HassRefused
from wyoming_servers.home_assistant.token import Token

from .checks import Finding, State

_CHECK = "hass"


async def check_home_assistant(args: Namespace) -> list[Finding]:
    """Ask Home Assistant once what it knows of the house, if its address was given."""
    if args.hass_url is None:
        return []
    try:
        from wyoming_servers.home_assistant.home import look
    except ImportError as error:
        return [Finding(_CHECK, State.FAULT, f"{error.name} is not installed", "pip install 'wyoming-hearth[hass]'")]
    try:
        if args.hass_token is None:
            raise EngineUnavailable("--hass-url needs --hass-token")
        token = Token.given(args.hass_token)
    except EngineUnavailable as error:
        return [Finding(_CHECK, State.FAULT, str(error), "give a long-lived access token with --hass-token")]
    try:
        version, house = await look(args.hass_url, token.value)
    except HassRefused as error:
        text = f"{args.hass_url} does not accept the token ({error})"
        return [Finding(_CHECK, State.FAULT, text, token.remedy)]
    except HassError as error:
        return [Finding(_CHECK, State.FAULT, str(error), "see that it runs there, and --hass-url")]
    counts = f"{len(house.names)} names, {len(house.areas)} areas and {len(house.floors)} floors"
    text = f"Home Assistant {version} at {args.hass_url} knows {counts}"
    if not house.names:
        return [Finding(_CHECK, State.NOTE, text, "expose entities to Assist: Settings > Voice assistants > Expose")]
    return [Finding(_CHECK, State.OK, text)]
