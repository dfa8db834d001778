"""Numbers as people say them.

hassil knows one way to say a number in English ("one hundred five", with or without hyphens). People also say "one
hundred and five" and "a hundred".
"""

from __future__ import annotations

import re
from functools import lru_cache

_SMALL = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_AND = re.compile(rf"\b(hundred|thousand) and (?=(?:{_SMALL})\b)", re.IGNORECASE)
_A = re.compile(r"\ban? (?=(?:hundred|thousand)\b)", re.IGNORECASE)


def without_and(text: str) -> str:
    """Return `text` with its numbers said in hassil's way: "a hundred and five" becomes "one hundred five"."""
    return _A.sub("one ", _AND.sub(r"\1 ", text))


@lru_cache(maxsize=4096)
def ways_to_say(number: int, language: str = "en") -> tuple[str, ...]:
    """Return the ways to say `number`, all of which `without_and` leads back to hassil's."""
    from hassil.numbers import get_rbnf_engine

    spelled = get_rbnf_engine(language).format_number(number)
    ways = []
    for text in dict.fromkeys(spelled.text_by_ruleset.values()):
        words = text.replace("-", " ")
        ways.append(words)
        if language == "en":
            with_and = re.sub(r"\b(hundred|thousand) (?!thousand\b)", r"\1 and ", words)
            ways += [with_and, re.sub(r"^one (?=hundred|thousand)", "a ", words)]
            ways.append(re.sub(r"^one (?=hundred|thousand)", "a ", with_and))
    return tuple(dict.fromkeys(ways))
