"""What should not be sent to a server, row by row."""

from bench.rows.core import Row, RowError
from bench.rows.framing import framing
from bench.rows.patience import crowd, patience, silence
from bench.rows.pictures import pictures
from bench.rows.sound import sound
from bench.rows.texts import order, texts

__all__ = ["Row", "RowError", "crowd", "patience", "rows", "silence"]


def rows() -> list[Row]:
    """Return those that are over at once."""
    return [*framing(), *sound(), *pictures(), *texts(), *order()]
