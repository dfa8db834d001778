"""Make a Whisper model that always says the same: random weights, but each word leads to the next, the last to an end.

    .standins/venv/bin/python bench/whisper_standin.py OUT_DIR

Architecture, size and interface are those of Whisper tiny, made by the script of ../shared/standins (HEARTH_SHARED
names another folder). With weights that are random alone no transcript ends, so every guard against nonsense fails, and
nothing of an engine's own path can be measured. Here the last layer is not tied to the embeddings, so that a word can
lead to the next. Whatever is said to it, it writes `SENTENCE`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

SENTENCE = ("ĠSet", "Ġa", "Ġtimer", "Ġfor", "Ġtwenty", "Ġfive", "Ġminutes", "Ġand", "Ġten", "Ġseconds.")
"""As tokens, each another one; "Ġ" is a space."""

_FIRST_FREE = 1000
"""Id from which words of the stand-in's vocabulary are taken for ours: any below the special ones."""

_STRENGTH = 40.0
"""Of a word's embedding: over all that the random layers add to it, so that the next word is nearly certain."""

_CERTAINTY = 0.2
"""Of the last layer, against the embeddings: the logit of the next word is about 60."""


def make(shared: Any, out: Path) -> None:
    """Write the model to `out`; `shared` is the module of ../shared/standins."""
    import torch  # type: ignore[import-not-found, unused-ignore]
    from transformers import (  # type: ignore[import-not-found, unused-ignore]
        WhisperForConditionalGeneration,
    )

    kept = WhisperForConditionalGeneration.eval

    def teach(model: Any) -> Any:
        """Make each word lead to the next."""
        ids = shared.make_tokenizer().get_vocab()
        words = list(range(_FIRST_FREE, _FIRST_FREE + len(SENTENCE)))
        end = ids["<|endoftext|>"]
        follows = dict(zip(words, [*words[1:], end], strict=True))
        follows[ids["<|startoftranscript|>"]] = ids["<|en|>"]  # the language, for who asks for it
        follows[ids["<|transcribe|>"]] = ids["<|0.00|>"]  # only a prompt without timestamps goes on after this
        follows[ids["<|0.00|>"]] = words[0]
        with torch.no_grad():
            embedding = model.model.decoder.embed_tokens.weight
            embedding *= _STRENGTH
            projection = torch.randn_like(embedding) * 0.02
            for before, after in follows.items():
                projection[after] = _CERTAINTY * embedding[before]
            projection[words[0]] += _CERTAINTY * embedding[ids["<|notimestamps|>"]]
            model.proj_out.weight = torch.nn.Parameter(projection)
        return kept(model)

    WhisperForConditionalGeneration.eval = teach
    tokenizer = shared.make_tokenizer
    shared.make_tokenizer = lambda: _named(tokenizer())
    shared.main("tiny", out)
    _speak_languages(out)


def _speak_languages(out: Path) -> None:
    """Make it multilingual for CTranslate2, which goes by an empty word that Whisper's vocabulary has."""
    path = out / "vocabulary.json"
    words = json.loads(path.read_text("utf-8"))
    words[words.index("<|endoftext|>") - 1] = ""
    path.write_text(json.dumps(words), "utf-8")
    path = out / "config.json"
    languages = range(words.index("<|startoftranscript|>") + 1, words.index("<|translate|>"))
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"lang_ids": list(languages)}), "utf-8")


def _named(tokenizer: Any) -> Any:
    """Return `tokenizer` with our words in place of some of its own."""
    from tokenizers import Tokenizer

    described = json.loads(tokenizer.to_str())
    names = {f"zz{_FIRST_FREE + at}": word for at, word in enumerate(SENTENCE)}
    vocabulary = {names.get(word, word): number for word, number in described["model"]["vocab"].items()}
    described["model"]["vocab"] = vocabulary
    return Tokenizer.from_str(json.dumps(described))


def main() -> None:
    """Make the model."""
    folder = Path(os.environ.get("HEARTH_SHARED") or Path(__file__).parents[2] / "shared")
    spec = importlib.util.spec_from_file_location("shared_whisper", folder / "standins" / "whisper.py")
    if spec is None or spec.loader is None:
        sys.exit(f"no standins/whisper.py in {folder}: name the folder that holds it in HEARTH_SHARED")
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    make(shared, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
