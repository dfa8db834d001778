"""Faulty files of sentences: each is refused with its file, its line, what is wrong and what would be right."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.engine import EngineError
from models.sentences.house import House
from models.sentences.library import load_sentences

GOOD = """
language: en
intents:
  FeedCat:
    data:
      - sentences:
          - "feed [the] {cat} <how_much>"
expansion_rules:
  how_much: "(a little|a lot)"
lists:
  cat:
    values: [tom]
"""


def refused(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EngineError) as error:
        load_sentences(House(), [folder])
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("before", "after", "line", "what"),
    [
        ("language: en", "language: de", 2, "language is 'de', but the house's is 'en'"),
        ("intents:", "intentions:", 3, "has no 'intentions'; it may have expansion_rules, intents, language"),
        ("    data:", "    date:", 5, "has no 'date'; it may have data"),
        ("    data:\n", "", 5, "must be a mapping"),
        ("sentences:", "sentence:", 6, "has no 'sentence'; it may have"),
        ("[the] {cat}", "[the {cat}", 7, "'[' is never closed"),
        ("[the] {cat}", "the] {cat}", 7, "']' at character 9 closes nothing"),
        ("[the]", "[]", 7, "nothing is in the brackets"),
        ("[the]", "(" * 30 + "the" + ")" * 30, 7, "more than 24 brackets within brackets"),
        ("[the]", "the " * 1000, 7, "longer than 2000 characters"),
        ("[the]", "(a;b;c;d;e;f;g)", 7, "a permutation (a;b;...) has 7 parts, at most 6"),
        ("{cat}", "{dog}", 7, "there is no list {dog}; give it under `lists:`"),
        ("<how_much>", "<how>", 7, "there is no rule <how>; give it under `expansion_rules:`"),
        ("(a little|a lot)", "<how_much> more", 9, "rule <how_much> never ends: how_much -> how_much"),
        ('"(a little|a lot)"', "[a, b]", 9, "must be text, not a list"),
        ("values: [tom]", "vals: [tom]", 12, "has no 'vals'; it may have examples, range, values, wildcard"),
        (
            "values: [tom]",
            "wildcard: true\n    values: [tom]",
            12,
            "needs one of `values:`, `range:` or `wildcard: true`",
        ),
        ("values: [tom]", "values: tom", 12, "must be a list"),
        ("values: [tom]", "values: [{out: tom}]", 12, "needs `in:`, what is said"),
        ("values: [tom]", 'values: ["{cat} two"]', 12, "{cat} stands inside a list's value"),
        ("values: [tom]", "range: {from: 5, to: 1}", 12, "goes from 5 down to 1"),
        ("values: [tom]", "range: {from: 1}", 12, "needs `to:`"),
        ("values: [tom]", "range: {from: 1, to: ten}", 12, "must be a whole number, not 'ten'"),
        ("values: [tom]", "range: {from: 1, to: 1000000}", 12, "has more than 10000 numbers"),
        ("values: [tom]", "range: {from: 1, to: 5, step: 0}", 12, "must be at least 1"),
        ("  cat:", "  area:", 12, "the list {area} is filled from house.yaml"),
    ],
)
def test_what_is_refused(tmp_path: Path, before: str, after: str, line: int, what: str) -> None:
    assert before in GOOD
    message = refused(tmp_path, GOOD.replace(before, after, 1))
    assert message.startswith(f", line {line}: ")
    assert what in message


def test_the_good_one_is_good(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert load_sentences(House(), [tmp_path]).recognize("feed tom a lot") is not None


def test_rules_that_multiply(tmp_path: Path) -> None:
    rules = "".join(f'  r{index}: "<r{index + 1}> <r{index + 1}>"\n' for index in range(20))
    message = refused(tmp_path, GOOD.replace("expansion_rules:\n", f"expansion_rules:\n{rules}  r20: meow\n"))
    assert "parts, at most 5000" in message


def test_rules_and_lists_of_one_block(tmp_path: Path) -> None:
    text = GOOD.replace(
        "      - sentences:",
        "      - lists: {cat: {values: [tim]}}\n        expansion_rules: {how_much: two fish}\n        sentences:",
        1,
    )
    (tmp_path / "mine.yaml").write_text(text)
    sentences = load_sentences(House(), [tmp_path])
    assert sentences.recognize("feed tim two fish") is not None
    assert sentences.recognize("feed tom a lot") is None
    assert "there is no rule <gone>" in refused(tmp_path, text.replace("two fish", "<gone>"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(GOOD)),
    length=st.integers(0, 12),
    put=st.text(alphabet="()[]{}<>|;:-\"'\\ \n\tab\x00é&*!", max_size=6),
)
def test_any_damage_is_either_harmless_or_told(tmp_path: Path, start: int, length: int, put: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD[:start] + put + GOOD[start + length :], encoding="utf-8")
    try:
        sentences = load_sentences(House(), [tmp_path])
    except EngineError as error:
        assert str(error).startswith(str(path))
        return
    sentences.recognize("feed tom a lot")
