"""Words that Whisper is told to expect: names of the house and of the client, as the text that came before.

Whisper goes on from the text before the sound (OpenAI calls it the prompt, faster-whisper hotwords): a name that stands
there is spelt that way, and found rather than its like. A long list costs time and is itself written down on silence,
so it is bounded, and `models.whisper.inventions` looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

MOST_TOKENS = 96
"""Some 40 names. Whisper takes 223."""

MOST_WORDS = 200
"""Names and terms of one client that are looked at at all."""

_LONGEST = 60
"""Characters: what is longer is no name."""


def hints(
    names: Sequence[str], terms: Sequence[str], house: Sequence[str], *, tokens: Callable[[str], Sequence[int]]
) -> str:
    """Return the words to expect as one text, each once: the client's `names` and `terms`, then those of the `house`.

    What does not fit any more is left out whole. `tokens` is the model's tokenizer.
    """
    text = ""
    seen = set()
    for word in _words([*names[:MOST_WORDS], *terms[:MOST_WORDS], *house]):
        if (key := word.casefold()) in seen:
            continue
        seen.add(key)
        longer = f"{text}, {word}" if text else word
        if len(tokens(f" {longer}")) > MOST_TOKENS:
            break
        text = longer
    return text


def takes_hints(model: str) -> bool:
    """Return whether a model of that name goes on from a text before the sound.

    Distil-Whisper was trained without; there, a text before the sound cuts off or derails what is written.
    """
    return "distil" not in model.casefold()


def _words(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        word = " ".join(text.replace("<|", " ").replace(",", " ").split())
        if 0 < len(word) <= _LONGEST:
            yield word
