import math

import pytest

from models.engine import EngineError
from models.sentences import minimizing
from models.sentences.minimizing import Network, minimize


def test_one_word_leads_to_one_state() -> None:
    # "turn on" and "turn off", from two templates
    grammar = minimize(
        Network(
            arcs=[[("turn", 1, 0.5), ("turn", 2, 0.5)], [("on", 3, 1.0)], [("off", 3, 1.0)], []],
            final=[0, 0, 0, 1.0],
            courteous=[0, 0, 0, 0],
        )
    )
    assert grammar.arcs == [{"turn": (1, 1.0)}, {"on": (2, 0.5), "off": (2, 0.5)}, {}]
    assert grammar.final == [0, 0, 1.0]
    assert grammar.courtesies == frozenset()


def test_equal_ends_are_one() -> None:
    grammar = minimize(
        Network(
            arcs=[[("red", 1, 0.5), ("blue", 2, 0.5)], [("light", 3, 1.0)], [("light", 4, 1.0)], [], []],
            final=[0, 0, 0, 1.0, 1.0],
            courteous=[0, 0, 0, 0, 0],
        )
    )
    assert len(grammar.arcs) == 3
    assert grammar.is_complete(["blue", "light"])


def test_chances_are_those_of_all_the_ways_together() -> None:
    # the one way to say "a" goes on with "b", the other ends or goes on with "c"
    grammar = minimize(
        Network(
            arcs=[[("a", 1, 0.8), ("a", 2, 0.2)], [("b", 3, 1.0)], [("c", 3, 0.5)], []],
            final=[0, 0, 0.5, 1.0],
            courteous=[0, 0, 0, 0],
        )
    )
    for said, chance in {"a b": 0.8, "a c": 0.1, "a": 0.1}.items():
        assert math.exp(grammar.log_chance(said.split())) == pytest.approx(chance)
    for arcs, final in zip(grammar.arcs, grammar.final, strict=True):
        assert sum(chance for _, chance in arcs.values()) + final == pytest.approx(1)
        assert all(target > 0 for target, _ in arcs.values())


def test_courtesies_do_not_continue_a_sentence() -> None:
    grammar = minimize(
        Network(
            arcs=[[("stop", 1, 1.0)], [("please", 2, 0.1), ("it", 3, 0.4)], [], []],
            final=[0, 0.5, 0, 1.0],
            courteous=[0, 0, 1.0, 0],
        )
    )
    assert grammar.may_continue(["stop"])
    assert grammar.is_complete(["stop", "please"])
    assert grammar.courtesies == {grammar.follow(["stop", "please"])}
    assert not grammar.filtered(lambda _, word: word != "it").may_continue(["stop"])


def test_too_many_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimizing, "MOST_STATES", 3)
    chain = Network([[("a", 1, 1.0)], [("a", 2, 1.0)], [("a", 3, 1.0)], []], [0, 0, 0, 1.0], [0] * 4)
    with pytest.raises(EngineError, match="too many to be listened for"):
        minimize(chain)


def test_a_long_sentence_is_no_deep_recursion() -> None:
    length = 5000
    chain = [[("a", state + 1, 1.0)] for state in range(length)] + [[]]
    grammar = minimize(Network(chain, [0.0] * length + [1.0], [0.0] * (length + 1)))
    assert grammar.is_complete(["a"] * length)
    assert not grammar.is_complete(["a"] * (length - 1))
