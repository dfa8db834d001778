"""What can be wrong with Home Assistant, each with a message that says what to do.

::

    HassError            it cannot be asked now; try again later
    ├── HassRefused      it will not have us, and will not for as long as the token is the same
    ├── HassBanned       it has banned this machine's address
    └── CommandFailed    it is there, and answered one command with an error
"""

from __future__ import annotations


class HassError(Exception):
    """Home Assistant cannot be reached, or did not answer as it should."""


class HassRefused(HassError):
    """Home Assistant does not accept the token."""


class HassBanned(HassError):
    """Home Assistant has banned the address of this machine."""


class CommandFailed(HassError):
    """Home Assistant answered a command with an error."""

    def __init__(self, command: str, code: str, message: str) -> None:
        super().__init__(f"Home Assistant answered '{command}' with {code}: {message}")
        self.code = code
