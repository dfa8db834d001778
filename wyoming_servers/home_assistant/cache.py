"""What Home Assistant last said of the house, on disk: for the time that it is away when a server starts.

`DATA_DIR/home_assistant.json`, written whole or not at all. Both servers that know the house write the same file.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from models.sentences.house import Area, Floor, House, Name
from wyoming_servers.home_assistant.registry import Told
from wyoming_servers.wire.files import write_whole

_LOGGER = logging.getLogger(__name__)

_FORMAT = 2
"""To be changed with what is written."""

_MOST_BYTES = 16 * 1024 * 1024


class Cache:
    """The file of one Home Assistant."""

    def __init__(self, data_dir: Path, url: str) -> None:
        self._path = data_dir / "home_assistant.json"
        self._url = url

    def save(self, told: Told) -> None:
        """Write the floors, areas, names and rooms down; where that fails, warn."""
        known: dict[str, Any]
        known = {key: [asdict(thing) for thing in getattr(told.house, key)] for key in ("floors", "areas", "names")}
        known["rooms"] = dict(told.rooms)
        text = json.dumps({"format": _FORMAT, "url": self._url, "sum": _sum(known), "house": known}, ensure_ascii=False)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, text)
        except (OSError, UnicodeError) as error:
            _LOGGER.warning("what Home Assistant said of the house cannot be kept: %s", error)

    def load(self, house: House) -> Told | None:
        """Return `house` with what was written down, and the rooms.

        None where there is nothing of this Home Assistant, or it is damaged.
        """
        try:
            with self._path.open("rb") as file:
                written = json.loads(file.read(_MOST_BYTES))
            if written["format"] != _FORMAT or written["url"] != self._url:
                return None
            known = written["house"]
            if _sum(known) != written["sum"]:
                raise ValueError("its checksum is wrong")
            house = replace(
                house,
                floors=tuple(Floor(**_thing(one)) for one in known["floors"]),
                areas=tuple(Area(**_thing(one)) for one in known["areas"]),
                names=tuple(Name(**_thing(one)) for one in known["names"]),
            )
            return Told(house, {str(known): str(area) for known, area in known["rooms"].items()})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
            _LOGGER.warning("%s is damaged and passed over: %s", self._path, error)
            return None


def _thing(written: dict[str, Any]) -> dict[str, Any]:
    return {**written, "aliases": tuple(written["aliases"])}


def _sum(known: object) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
