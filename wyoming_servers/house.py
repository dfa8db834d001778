"""The house as the servers know it: what its options describe, or what Home Assistant tells of it, as it is now."""

from __future__ import annotations

import asyncio
import logging
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from models.engine import EngineError, EngineUnavailable
from models.sentences.house import House, load_house

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

    from wyoming_servers.home_assistant.home import HomeAssistant

_LOGGER = logging.getLogger(__name__)

_FIRST_S = 5.0
"""How long a server that starts waits for Home Assistant before it goes on with what it knows without."""


def add_house_options(parser: ArgumentParser) -> None:
    """Add `--config`, `--custom-sentences`, `--hass-url` and `--hass-token`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="HOUSE.YAML",
        help="the house: its language, units, areas and names (the shipped house.yaml)",
    )
    parser.add_argument(
        "--custom-sentences",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder of further sentences in Home Assistant's format, DIR/*.yaml and DIR/LANG/*.yaml; may be repeated",
    )
    add_hass_options(parser)


def add_hass_options(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Add `--hass-url` and `--hass-token`."""
    parser.add_argument(
        "--hass-url",
        type=hass_url,
        metavar="URL",
        help="Home Assistant that tells of the floors, areas and names, like http://homeassistant.local:8123",
    )
    parser.add_argument(
        "--hass-token",
        metavar="TOKEN",
        help="long-lived access token of one of its administrators; best in a file that HEARTH_HASS_TOKEN_FILE names",
    )


def hass_url(text: str) -> str:
    """Return the address of a Home Assistant without what comes after its host; a type for options."""
    try:
        parts = urlsplit(text.strip())
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise ArgumentTypeError(
            f"takes the address of Home Assistant, like http://homeassistant.local:8123, not '{text}'"
        )
    return text.strip().rstrip("/").removesuffix("/api")


class KnownHouse:
    """The house as it is known now."""

    def __init__(self, house: House, home: HomeAssistant | None = None) -> None:
        self._house = house
        self.home = home
        """Home Assistant, where there is one."""

    @property
    def now(self) -> House:
        """What is known; another one when Home Assistant tells of another."""
        return self._house if self.home is None else self.home.house

    def room(self, *ids: str) -> str | None:
        """Return the area of the first of Home Assistant's devices and satellites `ids` that is in one."""
        rooms = {} if self.home is None else self.home.rooms
        return next((rooms[known] for known in ids if known in rooms), None)

    @asynccontextmanager
    async def followed_by(self, learn: Callable[[House], Awaitable[None]]) -> AsyncIterator[None]:
        """Have `learn` take each house that becomes known, one at a time and always the newest, for a block."""
        if self.home is None:
            yield
            return
        following = asyncio.create_task(_follow(self.home, learn))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])


async def _follow(home: HomeAssistant, learn: Callable[[House], Awaitable[None]]) -> None:
    while True:
        house = await home.changed()
        try:
            await learn(house)
        except (EngineError, OSError) as error:
            _LOGGER.error("what Home Assistant tells of the house cannot be used, the last goes on: %s", error)  # noqa: TRY400
        except Exception:
            _LOGGER.exception("what Home Assistant tells of the house cannot be used, the last goes on")


@asynccontextmanager
async def open_house(args: Namespace) -> AsyncIterator[KnownHouse]:
    """Load the house that the options describe; with --hass-url, keep up with Home Assistant until the block ends.

    Waits some seconds for Home Assistant, so that nothing is built twice; where it is away, the house is as it last
    told, or as described. Raises `EngineError` for a description or options that are wrong.
    """
    house = await asyncio.to_thread(load_house, args.config)
    if args.hass_url is None:
        if args.hass_token is not None:
            _LOGGER.warning("--hass-token is of no use without --hass-url")
        yield KnownHouse(house)
        return
    if args.hass_token is None:
        raise EngineUnavailable("--hass-url needs --hass-token, a long-lived access token of Home Assistant's")
    try:
        from wyoming_servers.home_assistant.home import HomeAssistant
    except ImportError as error:
        raise EngineUnavailable(f"no {error.name}: pip install 'wyoming-hearth[hass]'") from error
    from wyoming_servers.home_assistant.cache import Cache
    from wyoming_servers.home_assistant.token import Token

    token = Token.given(args.hass_token)
    async with HomeAssistant(args.hass_url, token, house, Cache(args.data_dir, args.hass_url)) as home:
        await home.tried(_FIRST_S)
        yield KnownHouse(house, home)
