import logging
from pathlib import Path

import pytest

from models.engine import EngineError
from models.sentences import unfolding
from models.sentences.grammar import Grammar
from models.sentences.house import House, load_house
from models.sentences.library import Sentences, load_sentences
from models.sentences.unfolding import unfold


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    return load_sentences(load_house())


@pytest.fixture(scope="module")
def grammar(sentences: Sentences) -> Grammar:
    return unfold(sentences)


def custom(folder: Path, text: str) -> Sentences:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_sentences(House(), [folder])


@pytest.mark.parametrize(
    ("said", "complete", "continues"),
    [
        ("turn on the lights in the office", True, False),
        ("please turn on the lights in the office", True, False),
        ("turn on the lights in the office please", True, False),
        ("what time is it", True, False),
        ("turn on the lights", True, True),
        ("set a timer for five minutes", True, True),
        ("set the volume to fifty percent", True, True),
        ("turn on the", False, True),
        ("turn", False, True),
        ("set a timer for five", False, True),
        ("", False, True),
        ("lights banana", False, False),
        ("the on turn", False, False),
        ("turn on the lights in the cellar", False, False),
    ],
)
def test_what_the_shipped_house_understands(grammar: Grammar, said: str, complete: bool, continues: bool) -> None:
    assert grammar.is_complete(said.split()) is complete
    assert grammar.may_continue(said.split()) is continues


def test_every_beginning_of_a_sentence_may_continue(grammar: Grammar) -> None:
    words = ["turn", "on", "the", "lights", "in", "the", "office"]
    assert all(grammar.may_continue(words[:length]) for length in range(len(words)))


def test_samples_are_sentences_that_are_understood(sentences: Sentences, grammar: Grammar) -> None:
    samples = list(grammar.sample(1000, seed=7))
    assert all(grammar.is_complete(words) for words in samples)
    assert [text for text in map(" ".join, samples) if sentences.recognize(text) is None] == []


@pytest.mark.parametrize(
    "said",
    [
        "could you please turn on the office lights",
        "please can you turn on the office lights",
        "i'd like to turn on the office lights please",
        "turn on the office lights for me",
        "turn on the office lights for me please",
        "thanks very much house",
        "please what can you do",
        "would you tell me the time please",
    ],
)
def test_courtesies_are_heard_and_understood(sentences: Sentences, grammar: Grammar, said: str) -> None:
    assert grammar.is_complete(said.split())
    assert sentences.recognize(said) is not None


def test_courtesies_that_nobody_says_are_not_listened_for(grammar: Grammar) -> None:
    thrice = "please please please turn on the lights"
    for said in ("for me turn on the lights", "turn on the lights could you", "turn please on the lights", thrice):
        assert not grammar.is_complete(said.split())


def test_chances_make_one_in_every_state(grammar: Grammar) -> None:
    for state, (arcs, final) in enumerate(zip(grammar.arcs, grammar.final, strict=True)):
        assert sum(chance for _, chance in arcs.values()) + final == pytest.approx(1, abs=1e-5)
        assert all(target > state for target, _ in arcs.values())


@pytest.mark.parametrize(
    ("usual", "rare"),
    [
        ("set the volume to fifty percent", "set the volume to fifty seven percent"),
        ("turn on the lights", "please turn on the lights"),
    ],
)
def test_usual_things_are_likelier(grammar: Grammar, usual: str, rare: str) -> None:
    assert grammar.log_chance(usual.split()) > grammar.log_chance(rare.split()) > -100


FEED = """
intents:
  FeedCat:
    data:
      - sentences: ["feed [the] {cat} <how_much>", "(now;feed) everyone", "tell {cat} {note}", "say {anything}"]
expansion_rules:
  how_much: "(a little|a lot) [today]"
lists:
  cat: {values: [tom, {in: "(the fat|old) one", out: garfield}, "mr[s] whiskers"]}
  note: {wildcard: true, examples: [good night]}
  anything: {wildcard: true}
"""


def test_the_users_templates(tmp_path: Path) -> None:
    sentences = custom(tmp_path, FEED)
    grammar = unfold(sentences)
    for said in (
        "feed the tom a lot",
        "feed old one a little today",
        "feed mrs whiskers a lot",
        "feed now everyone",
        "tell tom good night",
    ):
        assert grammar.is_complete(said.split()), said
    for said in ("feed tom", "feed mr s whiskers a lot", "now now everyone", "tell tom anything", "say anything"):
        assert not grammar.is_complete(said.split()), said


def test_optional_words_at_the_end_are_courtesy(tmp_path: Path) -> None:
    grammar = unfold(custom(tmp_path, "intents: {Wave: {data: [{sentences: ['wave hello [there]']}]}}"))
    assert grammar.is_complete(["wave", "hello", "there"])
    assert not grammar.may_continue(["wave", "hello"])


def test_a_template_with_too_many_ways_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unfolding, "MOST_NODES_A_TEMPLATE", 3000)
    text = """
intents:
  Count:
    data: [{sentences: ["from {number} to {number} by {number} over {number}", "count down"]}]
lists: {number: {range: {from: 1, to: 2000}}}
"""
    sentences = custom(tmp_path, text)
    with caplog.at_level(logging.WARNING):
        grammar = unfold(sentences)
    assert "Count: not listened for, too many ways to say it: from {number}" in caplog.text
    assert grammar.is_complete(["count", "down"])
    assert not grammar.may_continue(["from"])


def test_too_many_sentences_are_an_error(sentences: Sentences, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolding, "MOST_NODES", 1000)
    with pytest.raises(EngineError, match="too many to be listened for"):
        unfold(sentences)
