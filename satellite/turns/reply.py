"""What the house says, as it is decided: read by the voice from its start while it grows."""

from __future__ import annotations

from .replay import Replay

MOST_CHARACTERS = 10_000
"""About ten minutes of speech; what comes after is left unsaid."""


class Reply(Replay[str]):
    """Text in pieces. Where one server fails in the middle and another begins anew, nothing is said twice."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._told = ""  # what the server that speaks now has told from its start
        self._differs = False

    def begin(self) -> None:
        """Expect the whole text from its start, from another server."""
        self._told, self._differs = "", False

    def add(self, piece: str) -> None:
        """Take the next piece; what was there before, told again, adds nothing."""
        self._told += piece
        if self._differs:
            self._say(piece)
        elif self._told.startswith(self.text):
            self._say(self._told[len(self.text) :])
        elif not self.text.startswith(self._told):
            self._differs = True
            self._say(f" {self._told}")

    def complete(self, text: str) -> None:
        """Take the whole text, which most servers tell at the end as well."""
        if not self._told:
            self.add(text)
        elif text.startswith(self._told):
            self.add(text[len(self._told) :])

    async def has_words(self) -> bool:
        """Wait until there is something to say; return False when there never will be."""
        async for piece in self:
            if any(character.isalnum() for character in piece):
                return True
        return False

    def _say(self, text: str) -> None:
        text = text[: MOST_CHARACTERS - len(self.text)]
        if text:
            self.text += text
            self.append(text)
