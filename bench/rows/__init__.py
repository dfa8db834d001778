"""What should not be sent to a server, row by row."""

from .core import Row, RowError
from .framing import framing
from .patience import crowd, patience, silence
from .pictures import pictures
from .sound import sound
from .texts import order, texts

__all__ = ["Row", "RowError", "crowd", "patience", "rows", "silence"]


def rows() -> list[Row]:
    """Return those that are over at once."""
    return [*framing(), *sound(), *pictures(), *texts(), *order()]
