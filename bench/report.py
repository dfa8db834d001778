"""The form that every benchmark has: a table with a bound beside each figure, or one line of JSON."""

from __future__ import annotations

import json
import sys
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


class Report:
    """What a benchmark found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._metrics: dict[str, _Metric] = {}

    def add(
        self, metric: str, value: float, *, at_most: float | None = None, at_least: float | None = None, note: str = ""
    ) -> None:
        """Add a figure, with its bound where it has one; `note` says of what it was measured."""
        self._metrics[metric] = _Metric(value, at_most, at_least, note)

    @property
    def ok(self) -> bool:
        """True when every bound is kept."""
        return all(metric.ok for metric in self._metrics.values())

    def show(self, *, as_json: bool) -> int:
        """Print the figures; return the exit status, 1 where a bound is missed."""
        if as_json:
            metrics = {name: round(metric.value, 4) for name, metric in self._metrics.items()}
            sys.stdout.write(json.dumps({"bench": self.name, "metrics": metrics, "ok": self.ok}) + "\n")
        else:
            table = Table("metric", "value", "bound", "", "of what", title=self.name)
            for name, metric in self._metrics.items():
                verdict = "" if not metric.bound else "[green]ok[/]" if metric.ok else "[bold red]missed[/]"
                table.add_row(name, f"{metric.value:.4g}", metric.bound, verdict, metric.note)
            Console().print(table)
        return 0 if self.ok else 1


def progress(text: str) -> None:
    """Say what is happening, beside the figures."""
    sys.stderr.write(f"bench: {text}\n")
