import pytest

from tests.wyoming_servers.skills.requests import said


@pytest.mark.parametrize(
    ("left", "operation", "right", "answer"),
    [
        (2, "plus", 3, "2 plus 3 is 5."),
        (3, "minus", 5, "3 minus 5 is minus 2."),
        (7, "times", 8, "7 times 8 is 56."),
        (10, "divided by", 4, "10 divided by 4 is 2.5."),
        (1, "divided by", 3, "1 divided by 3 is about 0.3333."),
        (15, "percent of", 200, "15 percent of 200 is 30."),
        (5, "divided by", 0, "Nothing can be divided by zero."),
        (5, "to the power of", 2, "I cannot calculate that."),
    ],
)
def test_calculate(left: int, operation: str, right: int, answer: str) -> None:
    assert said("HearthCalculate", {"left": left, "operation": operation, "right": right}) == answer
