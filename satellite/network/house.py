"""What the satellite wants to know of the servers; `satellite.network.servers` finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .watch import Server


class Servers(Protocol):
    """The servers that may be used now."""

    def candidates(self, job: str) -> Sequence[Server]:
        """Return those that may be asked to do `job`, the one to ask first first."""

    def mark_failed(self, server: Server) -> None:
        """Learn that `server` failed at its work."""

    async def changed(self) -> None:
        """Wait until a server has come, gone or changed."""
