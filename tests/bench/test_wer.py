from pathlib import Path

import pytest

from bench.report import BenchError
from bench.wer import plain_words, read_clips, word_errors
from wyoming_servers.wire.audio import write_wav


@pytest.mark.parametrize(
    ("said", "written", "errors"),
    [
        ("turn on the lights", "turn on the lights", 0),
        ("turn on the lights", "turn off the lights", 1),
        ("turn on the lights", "turn the lights", 1),
        ("turn on the lights", "please turn on all the lights", 2),
        ("turn on the lights", "", 4),
        ("", "thank you", 2),
        ("a b c", "c a b", 2),
    ],
)
def test_wrong_missing_and_added_words_are_counted(said: str, written: str, errors: int) -> None:
    assert word_errors(said.split(), written.split()) == errors
    assert word_errors(written.split(), said.split()) == errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Turn on the lights, please! ", "turn on the lights please"),
        ("Don't — it\u2019s Mr. Smith & Sons", "dont its mister smith and sons"),
        ("25 minutes, 1_000", "twenty five minutes one zero"),
        ("\uff19 \uff46\uff55\uff4c\uff4c", "nine full"),
        ("1" * 30, "1" * 30),
        ("...", ""),
    ],
)
def test_spellings_of_the_same_words_are_made_alike(text: str, words: str) -> None:
    assert plain_words(text) == words.split()


def test_other_languages_keep_their_letters() -> None:
    assert plain_words("Schalte 5 Lampen über dem Tisch ein.", "de")[1:4] == ["fünf", "lampen", "über"]


def test_recordings_are_read(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", bytes(3200), 16_000)
    (tmp_path / "transcripts.tsv").write_text("path\ttranscript\tsource\na.wav\tIt's me\tmine\n")
    (clip,) = read_clips(tmp_path, "en")
    assert (clip.name, clip.said, len(clip.pcm)) == ("a.wav", ["its", "me"], 3200)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("path\ttranscript\n", "lists no recording"),
        ("path\ttranscript\na.wav\n", r"line 2: takes a path, a tab, and what is said"),
        ("path\ttranscript\nnone.wav\thello\n", r"line 2: .*none\.wav"),
        (None, r"transcripts\.tsv cannot be read"),
    ],
)
def test_what_is_wrong_with_a_list_is_named(tmp_path: Path, lines: str | None, told: str) -> None:
    if lines is not None:
        (tmp_path / "transcripts.tsv").write_text(lines)
    with pytest.raises(BenchError, match=told):
        read_clips(tmp_path, "en")
