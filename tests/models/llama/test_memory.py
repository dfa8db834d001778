import pytest

from models.engine import Exchange
from models.llama.memory import Slot, Slots, recent, same


def cut(text: str) -> list[int]:
    """One token a letter."""
    return [ord(letter) for letter in text]


def test_the_model_s_own_tokens_are_kept() -> None:
    slot = Slot(0)
    slot.learn(("hello>", cut("hello>")), ("hello>hi", [*cut("hello>"), 1000]))
    tokens = slot.tokens("hello>hi|more>", opening=cut, more=cut)
    assert tokens == [*cut("hello>"), 1000, *cut("|more>")]


def test_another_answer_is_cut_anew() -> None:
    slot = Slot(0)
    slot.learn(("hello>", cut("hello>")), ("hello>hi there", [*cut("hello>"), 1000, 1001]))
    assert slot.tokens("hello>hi|", opening=lambda _: [0], more=cut) == cut("hello>hi|")
    assert slot.tokens("other>", opening=lambda _: [0], more=cut) == [0]


def test_what_is_no_beginning_of_a_prompt_is_forgotten() -> None:
    slot = Slot(0)
    slot.learn(("a>", [1]), ("a>b", [1, 2]))
    slot.learn(("a>b|c>", [1, 2, 3]), ("a>b|c>d", [1, 2, 3, 4]))
    assert [text for text, _ in slot.known] == ["a>", "a>b", "a>b|c>", "a>b|c>d"]
    slot.learn(("a>b|c>", [1, 2, 3]), ("a>b|c>de", [1, 2, 3, 5]))
    assert [text for text, _ in slot.known] == ["a>", "a>b", "a>b|c>", "a>b|c>de"]
    slot.learn(("a>x|", [1, 9]), ("a>x|y", [1, 9, 9]))
    assert [text for text, _ in slot.known] == ["a>", "a>x|", "a>x|y"]


def test_what_is_known_is_bounded() -> None:
    slot, text = Slot(0), ""
    for _ in range(100):
        text += "q>"
        slot.learn((text, cut(text)), (text + "a", cut(text + "a")))
        text += "a"
    assert len(slot.known) == 10
    assert slot.tokens(text, opening=lambda _: [], more=lambda _: []) == cut(text)


def test_the_one_longest_silent_gives_its_place() -> None:
    slots = Slots(2)
    first, second = slots.take("a"), slots.take("b")
    assert first is not second
    assert slots.take("a") is first
    first.learn(("a", [1]), ("ab", [1, 2]))
    assert slots.take("c") is second
    assert slots.take("b") is first
    assert not first.known
    assert {slot.sequence for slot in slots} == {0, 1}


def test_same() -> None:
    assert same([1, 2, 3], [1, 2, 4, 5]) == 2
    assert same([1], [1, 2]) == 1
    assert same([], [1]) == 0
    assert same("abc", "abd") == 2


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (10, 10), (11, 5), (15, 9), (16, 10), (17, 5), (100, 10)])
def test_the_older_half_is_dropped_at_once(count: int, kept: int) -> None:
    history = [Exchange(str(number), "") for number in range(count)]
    left = recent(history, lambda _: 10, 100)
    assert left == history[count - kept :]


def test_what_is_dropped_stays_dropped() -> None:
    history = [Exchange(str(number), "") for number in range(200)]
    first, changes = -1, 0
    for count in range(1, 200):
        left = recent(history[:count], lambda _: 7, 100)
        assert sum(7 for _ in left) <= 100
        start = history.index(left[0])
        assert start >= first
        changes += start != first
        first = start
    assert changes < 200 / 6


def test_one_that_is_larger_than_the_room_is_dropped_too() -> None:
    assert recent([Exchange("long", "")], lambda _: 101, 100) == []
