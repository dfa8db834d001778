"""How much one peer may ask for, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of reading and waiting; a peer that passes one is told and disconnected."""

    header_bytes: int = 64 * KIB
    """The JSON line that opens an event."""

    data_bytes: int = 1 * MIB
    """The JSON object that may follow it."""

    audio_bytes: int = 1 * MIB
    """Payload of every event but `image`."""

    image_bytes: int = 8 * MIB
    """Payload of an `image` event."""

    connections: int = 64
    """Open at once. One more takes the place of the longest idle one, or is told `busy`."""

    quiet: int = 512
    """Open beside those, having said nothing yet. One more takes the place of the longest open one."""

    idle_s: float = 60.0
    """No byte either way and no work under way."""

    stalled_s: float = 10.0
    """Not one byte of an event that was begun, or of an answer that waits to be taken."""

    waiting_bytes: int = 256 * KIB
    """Read from one peer but not yet worked on; beyond it reading pauses, and the sender waits."""

    total_bytes: int = 24 * MIB
    """Large events held for all peers together; beyond it one more is dropped and answered `busy`."""


class Budget:
    """What the connections of a server may hold together: memory, and sockets of peers that were told to go."""

    FREE: Final = 64 * KIB
    """An event no larger than this is always taken: nobody's large ones keep out another's ordinary audio."""

    LINGERING: Final = 8

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.lingering = 0

    def reserve(self, size: int) -> bool:
        """Take room for an event of `size` bytes; return False, taking none, where there is not enough."""
        if size > self.FREE:
            if self.used + size > self.total:
                return False
            self.used += size
        return True

    def release(self, size: int) -> None:
        """Give the room of an event back."""
        if size > self.FREE:
            self.used -= size
