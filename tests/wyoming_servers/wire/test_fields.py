from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_servers.wire import BadValue, Fields
from wyoming_servers.wire._fields import shown

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def fields(**data: Any) -> Fields:
    return Fields("thing", data)


def test_right_values() -> None:
    good = fields(
        text="a", whole=3, number=0.5, flag=True, choice="b", items=[{"x": 1}], words=["a"], box=[0, 0.5, 1], object={}
    )
    assert good.text("text") == "a"
    assert good.optional_text("text") == "a"
    assert good.whole("whole") == 3
    assert good.optional_whole("whole", least=3, most=3) == 3
    assert good.number("number", least=0, most=1) == 0.5
    assert good.number("whole", least=0, most=3) == 3.0
    assert good.flag("flag", default=False) is True
    assert good.choice("choice", ("a", "b")) == "b"
    assert [item.whole("x") for item in good.objects("items")] == [1]
    assert good.texts("words") == ["a"]
    assert good.numbers("box", 3, least=0, most=1) == (0.0, 0.5, 1.0)
    assert good.optional_object("object") == {}


def test_missing_values_have_defaults() -> None:
    empty = fields(null=None)
    for name in ("null", "missing"):
        assert empty.text(name, default="d") == "d"
        assert empty.optional_text(name) is None
        assert empty.whole(name, default=4) == 4
        assert empty.optional_whole(name) is None
        assert empty.number(name, least=0, most=1, default=0.1) == 0.1
        assert empty.flag(name, default=True) is True
        assert empty.objects(name) == []
        assert empty.texts(name) == []
        assert empty.numbers(name, 4, least=0, most=1) is None
        assert empty.optional_object(name) is None


READERS = {
    "text": lambda data: data.text("x"),
    "optional text": lambda data: data.optional_text("x"),
    "whole": lambda data: data.whole("x", least=1, most=5),
    "number": lambda data: data.number("x", least=0, most=1),
    "flag": lambda data: data.flag("x", default=False),
    "choice": lambda data: data.choice("x", ("a",)),
    "objects": lambda data: data.objects("x"),
    "texts": lambda data: data.texts("x"),
    "numbers": lambda data: data.numbers("x", 2, least=0, most=1),
    "object": lambda data: data.optional_object("x"),
}


@pytest.mark.parametrize("kind", READERS)
@given(value=anything)
def test_any_value_is_right_or_said_to_be_wrong(kind: str, value: object) -> None:
    try:
        READERS[kind](Fields("thing", {"x": value}))
    except BadValue as error:
        assert error.text.startswith("'x' of 'thing' takes ") or "thing.x" in error.text
        assert len(error.text) < 200
        assert "\n" not in error.text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 5),
        ("text", None),
        ("optional text", []),
        ("whole", 0),
        ("whole", 6),
        ("whole", 2.0),
        ("whole", "2"),
        ("whole", True),
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", 1.01),
        ("number", False),
        ("flag", 1),
        ("flag", "true"),
        ("choice", "b"),
        ("choice", None),
        ("objects", {}),
        ("objects", [1]),
        ("texts", "a"),
        ("texts", ["a", 1]),
        ("numbers", [1]),
        ("numbers", [1, 2]),
        ("numbers", "12"),
        ("object", []),
    ],
)
def test_wrong_values(kind: str, value: object) -> None:
    with pytest.raises(BadValue):
        READERS[kind](Fields("thing", {"x": value}))


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_what_is_no_object(data: object) -> None:
    with pytest.raises(BadValue, match="'thing' takes an object"):
        Fields("thing", data)


@given(anything)
def test_shown_is_short_and_in_one_line(value: object) -> None:
    assert len(shown(value)) <= 61
    assert "\n" not in shown(value)


def test_shown_takes_no_time_and_no_depth() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "a list of 1"
    assert shown(10**5000) == "a huge number"
    assert shown("é" * 10_000_000).startswith('"ééé')
    while deep:  # or Python would take them apart recursively
        deep = deep.pop()
