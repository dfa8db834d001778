"""When each stage of a turn began and ended, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_WIDTH = 50
"""Characters of the drawing."""


def timeline(stages: Mapping[str, Sequence[int | None]]) -> Iterator[str]:
    """Yield a line for each of `stages` (name, began and ended in ms), with a bar from the first to the last moment.

    A "|" stands at 0, the true end of speech.
    """
    moments = [moment for stage in stages.values() for moment in stage if moment is not None]
    first, last = min([0, *moments]), max([1, *moments])

    def place(moment: int) -> int:
        return round((moment - first) / (last - first) * (_WIDTH - 1))

    for name, (began, ended) in stages.items():
        bar = [" "] * _WIDTH
        if began is not None:
            end = last if ended is None else ended
            bar[place(began) : place(end) + 1] = "=" * (place(end) + 1 - place(began))
        bar[place(0)] = "|"
        yield f"{name:7} {_shown(began):>6} to {_shown(ended):>6} ms  {''.join(bar).rstrip()}"


def _shown(moment: int | None) -> str:
    return "?" if moment is None else str(moment)
