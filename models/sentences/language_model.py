"""The language model of the recognizer, made once and kept.

It is the grammar itself, in pocketsphinx' format for finite state grammars, with a dictionary of no more than its
words. Of three ways to listen to the same sentences this one is the best and the cheapest (speech-to-intent's coffee
commands among the sentences of the house, every second clip): a trigram model of sampled sentences gets 82 % right, or
90 % with two more passes over the result, and this 96 %, in one.

Kept under DIR/recognizer by the fingerprint of the sentences, with a checksum: what is damaged is made again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from models.engine import EngineError
from models.sentences.grammar import Grammar
from models.sentences.naming import some, words_of
from models.sentences.pronunciation import Pronunciations, pronounce, spoken

if TYPE_CHECKING:
    from models.sentences.library import Sentences

_LOGGER = logging.getLogger(__name__)

_FORMAT = "3"
"""To be changed when what is made of the same sentences changes."""

_KEPT = 5
"""Language models that are kept, the newest."""

_NAMED = 20
"""Words, and names, that a warning gives."""

_LEAST = 1e-7
"""Chance of an arc; pocketsphinx takes no zero."""

_WORD = re.compile(r"[^\s()#;<>\[\]+]+")
"""What pocketsphinx takes for a word, and for nothing else."""


@dataclass(frozen=True)
class LanguageModel:
    """What may be said, and where the recognizer's files about it are."""

    folder: Path
    grammar: Grammar
    unknown: tuple[str, ...] = ()
    """Words that nobody knows how to pronounce, and that are therefore not in the grammar."""

    @property
    def sentences(self) -> Path:
        """A finite state grammar in pocketsphinx' format."""
        return self.folder / "sentences.fsg"

    @property
    def dictionary(self) -> Path:
        """The words and their pronunciations."""
        return self.folder / "words.dict"


def make(sentences: Sentences, data_dir: Path, lexicon: Path) -> Path:
    """Return the folder of the language model of `sentences`, made now if it was not there.

    `lexicon` is the acoustic model's dictionary. A word that nobody knows how to pronounce is warned of, each time, and
    what has it is not listened for. Raises `TooMuchToHear`, and `EngineError` when there is nothing to listen for, or
    nowhere to keep it.
    """
    made_by = [_FORMAT, sentences.fingerprint, metadata.version("pocketsphinx")]
    folder = data_dir / "recognizer" / hashlib.sha256("\n".join(made_by).encode()).hexdigest()[:32]
    if (known := load(folder)) is not None:
        os.utime(folder)  # among the newest again
        _warn(sentences, known.unknown)
    else:
        from models.sentences.unfolding import unfold

        grammar = unfold(sentences)
        said, unknown = pronounce(grammar.words, lexicon, sentences.language)
        said = {word: ways for word, ways in said.items() if _WORD.fullmatch(word)}
        _warn(sentences, unknown)
        try:
            grammar = grammar.filtered(lambda state, word: word in said and not _is_double(grammar, state, word))
        except ValueError:
            raise EngineError("there is no sentence to listen for: every one has a word that cannot be said") from None
        _LOGGER.info("listening for %d words in %d places", len(grammar.words), len(grammar.arcs))
        try:
            _save(folder, grammar, said, unknown)
        except OSError as error:
            raise EngineError(f"cannot keep the language model in {folder}: {error.strerror}") from error
    return folder


def load(folder: Path) -> LanguageModel | None:
    """Return the language model in `folder`, None where there is none or it is damaged."""
    try:
        sums = json.loads((folder / "sums.json").read_text("utf-8"))
        for name in ("sentences.fsg", "words.dict", "grammar.json"):
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sums[name]:
                return None
        data = json.loads((folder / "grammar.json").read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    arcs = [{word: (target, chance) for word, (target, chance) in state.items()} for state in data["arcs"]]
    grammar = Grammar(arcs, data["final"], frozenset(data["courtesies"]))
    return LanguageModel(folder, grammar, tuple(data["unknown"]))


def _warn(sentences: Sentences, unknown: Sequence[str]) -> None:
    """Say which words cannot be listened for, and which names have them."""
    if not unknown:
        return
    names = [name for name in sentences.house_names if not set(unknown).isdisjoint(words_of(name))]
    _LOGGER.warning(
        "nobody knows how to pronounce %s: %s is not listened for. Write it as it sounds, in words of a dictionary%s",
        some(unknown, _NAMED),
        f"what is called {some(names, _NAMED)}" if names else "what has these words",
        "" if _has_espeak() else ", or pip install 'wyoming-hearth[tts]', whose espeak-ng guesses",
    )


def _save(folder: Path, grammar: Grammar, said: Pronunciations, unknown: Sequence[str]) -> None:
    files = {
        "sentences.fsg": _fsg(grammar),
        "words.dict": "".join(_entries(word, said[word]) for word in sorted(grammar.words)),
        "grammar.json": json.dumps(
            {
                "arcs": grammar.arcs,
                "final": grammar.final,
                "courtesies": sorted(grammar.courtesies),
                "unknown": list(unknown),
            }
        ),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        for name, text in files.items():
            (made / name).write_text(text, "utf-8")
        sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        (made / "sums.json").write_text(json.dumps(sums), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError:
            if load(folder) is None:  # else another server has just made the same
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    kept = sorted((path for path in folder.parent.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _fsg(grammar: Grammar) -> str:
    end = len(grammar.arcs)
    lines = ["FSG_BEGIN sentences", f"NUM_STATES {end + 1}", "START_STATE 0", f"FINAL_STATE {end}"]
    for state, (arcs, final) in enumerate(zip(grammar.arcs, grammar.final, strict=True)):
        lines += [
            f"TRANSITION {state} {target} {max(chance, _LEAST):.9f} {word}" for word, (target, chance) in arcs.items()
        ]
        if final > 0:
            lines.append(f"TRANSITION {state} {end} {max(final, _LEAST):.9f}")
    return "\n".join([*lines, "FSG_END", ""])


def _entries(word: str, ways: list[str]) -> str:
    return "".join(f"{word}{f'({index})' if index > 1 else ''} {way}\n" for index, way in enumerate(ways, 1))


def _is_double(grammar: Grammar, state: int, word: str) -> bool:
    """Tell whether what a word with a sign says ("fifty%") may also be said in words ("fifty percent")."""
    words = spoken(word)
    return words != (word,) and grammar.follow(words, state) is not None


def _has_espeak() -> bool:
    return importlib.util.find_spec("espeakng_loader") is not None
