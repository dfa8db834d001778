import math
from collections import Counter

import pytest

from models.sentences.grammar import Grammar, leading_to

# lights (on | off) [please]
LIGHTS = Grammar(
    arcs=[{"lights": (1, 1.0)}, {"on": (2, 0.75), "off": (2, 0.25)}, {"please": (3, 0.2)}, {}],
    final=[0.0, 0.0, 0.8, 1.0],
    courtesies=frozenset({3}),
)


@pytest.mark.parametrize(
    ("said", "complete", "continues"),
    [
        ("", False, True),
        ("lights", False, True),
        ("lights on", True, False),
        ("lights off please", True, False),
        ("on", False, False),
        ("lights on on", False, False),
    ],
)
def test_whole_sentences_and_their_beginnings(said: str, complete: bool, continues: bool) -> None:
    assert LIGHTS.is_complete(said.split()) is complete
    assert LIGHTS.may_continue(said.split()) is continues


def test_follow() -> None:
    assert LIGHTS.follow([]) == 0
    assert LIGHTS.follow(["lights", "on"]) == 2
    assert LIGHTS.follow(["off"], 1) == 2
    assert LIGHTS.follow(["lights", "lights"]) is None
    assert LIGHTS.words == {"lights", "on", "off", "please"}


def test_chances() -> None:
    assert LIGHTS.log_chance(["lights", "on"]) == pytest.approx(math.log(0.75 * 0.8))
    assert LIGHTS.log_chance(["lights", "off", "please"]) == pytest.approx(math.log(0.25 * 0.2))
    assert LIGHTS.log_chance(["lights"]) == -math.inf
    assert LIGHTS.log_chance(["radio"]) == -math.inf


def test_samples_come_as_often_as_they_are_likely() -> None:
    counts = Counter(" ".join(words) for words in LIGHTS.sample(4000))
    assert set(counts) == {"lights on", "lights off", "lights on please", "lights off please"}
    for said, count in counts.items():
        assert count / 4000 == pytest.approx(math.exp(LIGHTS.log_chance(said.split())), abs=0.03)


def test_the_same_seed_gives_the_same_samples() -> None:
    assert list(LIGHTS.sample(20, seed=1)) == list(LIGHTS.sample(20, seed=1))
    assert list(LIGHTS.sample(20, seed=1)) != list(LIGHTS.sample(20, seed=2))


def test_a_word_left_out() -> None:
    left = LIGHTS.filtered(lambda _, word: word != "off")
    assert left.words == {"lights", "on", "please"}
    assert left.log_chance(["lights", "on"]) == pytest.approx(math.log(0.8))
    assert not left.may_continue(["lights", "on"])


def test_what_leads_nowhere_goes_too() -> None:
    grammar = Grammar(
        arcs=[{"turn": (1, 0.5), "stop": (3, 0.5)}, {"it": (2, 1.0)}, {"off": (3, 1.0)}, {}],
        final=[0.0, 0.0, 0.0, 1.0],
    )
    left = grammar.filtered(lambda _, word: word != "off")
    assert left.words == {"stop"}
    assert len(left.arcs) == 2
    assert left.log_chance(["stop"]) == 0


def test_nothing_left() -> None:
    with pytest.raises(ValueError, match="no sentence is left"):
        LIGHTS.filtered(lambda _, word: word != "lights")


def test_leading_to() -> None:
    assert leading_to([[1, 2], [3], [], []], [3]) == {0, 1, 3}
    assert leading_to([[1], []], []) == set()
