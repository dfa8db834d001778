"""The form that every benchmark has: a table with a bound beside each figure, or one line of JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class _Metric:
    value: float
    at_most: float | None
    at_least: float | None
    note: str

    @property
    def bound(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else ""

    @property
    def ok(self) -> bool:
        # Written so that a figure which is not a number misses its bound.
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


class BenchError(Exception):
    """The benchmark cannot be run; the message says why and what would be right."""


class Report:
    """What a benchmark found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._metrics: dict[str, _Metric] = {}
        self._tables: list[Table] = []

    def add(
        self, metric: str, value: float, *, at_most: float | None = None, at_least: float | None = None, note: str = ""
    ) -> None:
        """Add a figure, with its bound where it has one; `note` says of what it was measured."""
        self._metrics[metric] = _Metric(value, at_most, at_least, note)

    def explain(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table for people, which goes before the figures."""
        table = Table(title=title, title_justify="left")
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._tables.append(table)

    @property
    def ok(self) -> bool:
        """True when every bound is kept."""
        return all(metric.ok for metric in self._metrics.values())

    def show(self, *, as_json: bool) -> int:
        """Print the figures; return the exit status, 1 where a bound is missed."""
        if as_json:
            # JSON has no word for what could not be measured but null.
            metrics = {
                name: round(metric.value, 4) if math.isfinite(metric.value) else None
                for name, metric in self._metrics.items()
            }
            sys.stdout.write(json.dumps({"bench": self.name, "metrics": metrics, "ok": self.ok}) + "\n")
        else:
            console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
            for explanation in self._tables:
                console.print(explanation)
            table = Table("metric", "value", "bound", "", "of what", title=self.name)
            for name, metric in self._metrics.items():
                verdict = "" if not metric.bound else "[green]ok[/]" if metric.ok else "[bold red]missed[/]"
                table.add_row(name, f"{metric.value:.4g}", metric.bound, verdict, metric.note)
            console.print(table)
        return 0 if self.ok else 1


def progress(text: str) -> None:
    """Say what is happening, beside the figures."""
    sys.stderr.write(f"bench: {text}\n")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of `values` do not pass (nearest rank); NaN where there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan
