"""How much of a text to speak next, so that sound begins soon and then never stops.

The first piece is the first clause that is worth it. While it plays, the next one is made, and must be ready before
what was made so far has been played: with an engine that takes `factor` seconds for a second of sound, the sound in
hand pays for a piece 1 / `factor` times as long, so pieces grow, up to a sentence or two, which also sound better in
one breath. A clause too long for that is cut between words. An engine slower than real time cannot keep ahead at all:
it speaks clause by clause, so that its gaps fall where a speaker pauses.
"""

from __future__ import annotations

from collections import deque

LONGEST = 200
"""Characters of a piece, about 13 seconds: others wait for it, and a longer one would sound no better."""

PATIENCE_S = 1.5
"""Longest work on a first piece: a first clause that takes longer is cut."""

MOST_WORK_S = 8.0
"""On one piece, where it can be cut: streams take turns, and none should wait long."""

SAFETY = 0.6
"""Share of the sound in hand that the next piece's work may take; the rest is for what the engine's pace varies.

Simulated with work that varies by 30 %, at a factor of 0.5: 6 % of answers had a gap, and 19 % with 0.75."""

SOUND_PER_CHARACTER = 0.065
"""Seconds; what English text takes from Kokoro and espeak-ng at their usual speed. A first guess, then measured."""

_MEMORY = 0.8
"""Weight of what a pace was before each piece: about the last five count."""

_GUESS = 60
"""Characters that the first guess of a pace counts for."""


class Pace:
    """How fast an engine speaks: a running mean over what it has made. `factor`: seconds of work for one of sound."""

    def __init__(self, factor: float) -> None:
        self._characters = float(_GUESS)
        self._sound_s = _GUESS * SOUND_PER_CHARACTER
        self._work_s = self._sound_s * factor

    @property
    def factor(self) -> float:
        """Seconds of work for a second of sound."""
        return self._work_s / self._sound_s

    def made(self, characters: int, sound_s: float, work_s: float) -> None:
        """Take into account that `characters` of text have become `sound_s` of sound in `work_s`."""
        if characters and sound_s:
            self._characters = _MEMORY * self._characters + characters
            self._sound_s = _MEMORY * self._sound_s + sound_s
            self._work_s = _MEMORY * self._work_s + work_s

    def characters(self, seconds: float) -> float:
        """Return how many characters are made in `seconds`."""
        return seconds * self._characters / max(self._work_s, 1e-9)


class Pieces:
    """A text on its way to be spoken: clauses go in, pieces come out.

    A piece has at least `shortest` letters, unless the text has no more.
    """

    def __init__(self, pace: Pace, shortest: int) -> None:
        self._pace = pace
        self._shortest = shortest
        self._clauses: deque[str] = deque()

    def add(self, clauses: list[str]) -> None:
        """Take the clauses that come next."""
        self._clauses.extend(clauses)

    def next(self, lead_s: float | None, *, over: bool) -> str | None:
        """Return what to speak now; None where there is nothing, or too little while the text is not `over`.

        `lead_s` is how much sound has been made and not yet played; None where none has been made.
        """
        piece = ""
        while self._clauses and not self._is_enough(piece):
            piece = f"{piece} {self._clauses.popleft()}".lstrip()
        if not piece:
            return None
        if not (over or self._is_enough(piece)):
            self._clauses.appendleft(piece)
            return None
        longest = min(LONGEST, self._pace.characters(MOST_WORK_S))
        allowed = min(longest, self._pace.characters(PATIENCE_S if lead_s is None else SAFETY * lead_s))
        while lead_s is not None and self._clauses and len(piece) + 1 + len(self._clauses[0]) <= allowed:
            piece += f" {self._clauses.popleft()}"
        return self._cut(piece, allowed if self._pace.factor < 1 else longest)

    def _cut(self, piece: str, allowed: float) -> str:
        """Return as much of `piece` as may be made at once, or a little more; keep the rest for the next one."""
        if len(piece) <= allowed:
            return piece
        spaces = [at for at, character in enumerate(piece) if character == " " and self._are_enough(piece, at)]
        end = max((at for at in spaces if at <= allowed), default=min([*spaces, LONGEST]))
        if rest := piece[end:].strip():
            self._clauses.appendleft(rest)
        return piece[:end]

    def _are_enough(self, piece: str, at: int) -> bool:
        return self._is_enough(piece[:at]) and self._is_enough(piece[at:])

    def _is_enough(self, text: str) -> bool:
        return sum(map(str.isalnum, text)) >= self._shortest or len(text) >= LONGEST
