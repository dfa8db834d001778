"""The options of the servers that know the house: what is in it, and what more can be said."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def add_house_options(parser: ArgumentParser) -> None:
    """Add `--config` and `--custom-sentences`."""
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
