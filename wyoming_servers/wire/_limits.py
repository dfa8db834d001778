"""How much one peer may ask for."""

from __future__ import annotations

from dataclasses import dataclass

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

    idle_s: float = 60.0
    """No byte either way and no work under way."""

    stalled_s: float = 10.0
    """Not one byte of an event that was begun, or of an answer that waits to be taken."""

    waiting_bytes: int = 2 * MIB
    """Read from one peer but not yet worked on; beyond it reading pauses, and the sender waits."""

    total_bytes: int = 32 * MIB
    """Payloads held for all peers together; beyond it an event's payload is dropped and answered `busy`."""
