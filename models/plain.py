"""Text as it is said, without what language models write around it: Markdown, links, HTML, emoji, blocks of code.

It works on text that is still being written: what may be the beginning of markup is held back until that is known,
which is the last word, an open link, or the first signs of a line. How the text was handed over makes no difference.
"""
# ruff: noqa: RUF001 - the marks of many scripts look alike

from __future__ import annotations

import html
import re
import unicodedata

_MOST_HELD = 1000
"""Characters; what is open for so long is no markup."""

_FENCES = ("```", "~~~")
_RULE = re.compile(r"[ \t]*(?:(?:[-*_=][ \t]*){3,}|\|?(?:[ \t]*:?-+:?[ \t]*\|)+[-: \t]*)")
"""A line that is drawn: a rule, or the one under the head of a table."""

_BLOCK = re.compile(r"(?:[ \t]*(?:\#{1,6}|>+|[-*+•])(?=[ \t]))+[ \t]*(?:\[[ xX]\][ \t]+)?|[ \t]*\|[ \t]*")
"""What begins a heading, a quotation, an item of a list (perhaps with a box to tick), or a row of a table."""

_UNDECIDED = re.compile(r"[-#>*+•~`|:=_ \t]*(?:\[[ xX]?\]?[ \t]*)?")
"""A line that may yet become any of these."""

_OPEN_LINK = re.compile(r"\[[^\[\]]{0,300}(?:\](?:\([^()\s]*(?:[ ][^)]{0,100})?|\[[^\[\]]{0,100})?)?")
_OPEN_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,200}")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\](?:\([^()\s]*(?:[ ][^)]{0,100})?\)|\[[^\[\]]{0,100}\])")
_ADDRESS = re.compile(r"<?https?://([^\s<>]+)>?")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<!--[^<>]{0,200}-->")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKS = ".!?…,;:。！？、，；：।"
_STARS = re.compile(
    rf"""
      (?<!\S) \*++ (?=\S) | (?<=\S) \*++ (?!\w)                # around words, but 3*4 and 3 * 4 are sums
    | (?<=[^\W\d]) \*++ | \*++ (?=[^\W\d]) | (?<=[("'“{_MARKS}]) \*++
    | ~~+ | `+
    | (?<!\w) _+ (?=[^\W_]) | (?<=[^\W_]) _+ (?!\w)
    """,
    re.VERBOSE,
)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]"
)


class Plain:
    """Takes the markup out of a stream of text."""

    def __init__(self) -> None:
        self._text = ""
        self._fence = ""
        """What ends the block of code that it is in."""
        self._at_start = True
        """Of a line, whose kind is not known yet."""
        self._is_block = self._is_row = False
        self._last = ""
        """Character of the line that is said."""
        self._emoji = ""
        self._is_said = False

    def add(self, text: str) -> str:
        """Return what may be said of the text so far."""
        self._text += text.replace("\r", "")
        return self._take(over=False)

    def flush(self) -> str:
        """Return the rest: the text is over. Where it was nothing but emoji, the first one's name is said."""
        rest = self._take(over=True)
        return rest if self._is_said else unicodedata.name(self._emoji, "").lower() if self._emoji else rest

    def _take(self, *, over: bool) -> str:
        said: list[str] = []
        while self._text:
            line, newline, rest = self._text.partition("\n")
            is_whole = bool(newline) or over
            if self._at_start:
                if not is_whole and self._is_undecided(line):
                    break
                if self._is_dropped(line):
                    self._text = rest
                    continue
                block = _BLOCK.match(line)
                self._is_block, self._is_row = block is not None, block is not None and "|" in block[0]
                self._at_start, self._last = False, ""
                line = line[block.end() :] if block else line
            if not is_whole:
                held = self._held(line)
                said.append(self._plain(line[:held]))
                self._text = line[held:]
                break
            said.append(self._plain(line))
            # Headings and items of lists have no mark at their end, but people pause there.
            stop = "." if self._is_block and self._last and self._last not in _MARKS else ""
            said.append(stop + newline)
            self._text, self._at_start = rest, True
        return "".join(said)

    def _is_undecided(self, line: str) -> bool:
        if self._fence and len(line) > _MOST_HELD:
            self._text = line[:_MOST_HELD]  # it is dropped anyway
        return bool(self._fence) or line.lstrip().startswith(_FENCES) or _UNDECIDED.fullmatch(line) is not None

    def _is_dropped(self, line: str) -> bool:
        """Whether the line is code, the fence around it, or drawn."""
        begin = line.lstrip()[:3]
        if self._fence:
            if begin == self._fence:
                self._fence = ""
            return True
        if begin in _FENCES:
            self._fence = begin
            return True
        return _RULE.fullmatch(line) is not None

    def _held(self, line: str) -> int:
        """Return where that begins which may be part of markup."""
        start = max((at + 1 for at, sign in enumerate(line) if sign.isspace() or sign in "。！？、，；："), default=0)
        for sign, pattern in (("[", _OPEN_LINK), ("<", _OPEN_TAG)):
            at = line.rfind(sign)
            if at >= 0 and pattern.fullmatch(line, at):
                start = min(start, at - line[:at].endswith("!"))
        for found in (*_LINK.finditer(line), *_TAG.finditer(line)):
            if found.start() < start < found.end():
                start = found.start()
        if self._is_row:
            start = 0
        return start if len(line) - start <= _MOST_HELD else len(line)

    def _plain(self, text: str) -> str:
        text = _TAG.sub(" ", _ADDRESS.sub(_host, _LINK.sub(r"\1", text)))
        text = _ESCAPE.sub(lambda found: "" if found[1] in "*_~`" else found[1], text)
        text = html.unescape(_STARS.sub("", text)) if "&" in text else _STARS.sub("", text)
        if self._is_row:
            text = re.sub(r"[ \t]*\|", ",", text)
        symbols = (found[0] for found in _EMOJI.finditer(text) if unicodedata.category(found[0]) == "So")
        self._emoji = self._emoji or next(symbols, "")
        text = _EMOJI.sub("", text).replace("_", " ")
        self._last = text.rstrip()[-1:] or self._last
        self._is_said = self._is_said or any(map(str.isalnum, text))
        return text


def _host(found: re.Match[str]) -> str:
    """Say of an address only where it leads."""
    address = found[1].rstrip(".,;:!?)]}'\"")
    host = re.split(r"[/?#]", address, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    return host.removeprefix("www.") + found[1][len(address) :]
