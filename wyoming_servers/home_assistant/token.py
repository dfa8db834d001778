"""The long-lived access token; it is never shown, neither in logs nor in a repr."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from models.engine import EngineUnavailable

_FILE_VARIABLE = "HEARTH_HASS_TOKEN_FILE"
_MOST_CHARACTERS = 4096


class Token:
    """A token, and the file that another one may come from."""

    def __init__(self, value: str, file: Path | None = None) -> None:
        """Raise `EngineUnavailable` for what cannot be a token."""
        if not _is_token(value):
            raise EngineUnavailable(
                "--hass-token is no token: copy the whole of a long-lived access token, which has neither spaces nor"
                " line breaks in it"
            )
        self.value = value
        self.file = file
        """Where another one may come from."""

    @classmethod
    def given(cls, value: str) -> Token:
        """Return the token of an option; where its file named in the environment has it, that file is watched."""
        name = os.environ.get(_FILE_VARIABLE)
        token = cls(value.strip(), Path(name) if name else None)
        if token._read() != token.value:
            token.file = None
        return token

    @property
    def remedy(self) -> str:
        """What to do where Home Assistant does not accept it."""
        make = "make a new one in Home Assistant (your profile > Security > Long-lived access tokens)"
        return f"{make} and {f'write it into {self.file}' if self.file else 'start again with it'}"

    async def changed(self, every_s: float) -> None:
        """Wait until there is another token in the file, looking `every_s` seconds; for ever where there is no file."""
        while True:
            await asyncio.sleep(every_s)
            if _is_token(value := self._read()) and value != self.value:
                self.value = value
                return

    def _read(self) -> str:
        if self.file is None:
            return self.value
        try:
            with self.file.open(encoding="utf-8") as file:
                return file.read(_MOST_CHARACTERS).strip()
        except (OSError, UnicodeError):
            return ""


def _is_token(text: str) -> bool:
    return 0 < len(text) < _MOST_CHARACTERS and text.isascii() and text.isprintable() and " " not in text
