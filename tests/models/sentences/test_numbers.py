import pytest
from hassil.numbers import get_rbnf_engine

from models.sentences.numbers import ways_to_say, without_and


@pytest.mark.parametrize(
    ("said", "simpler"),
    [
        ("set it to one hundred and five", "set it to one hundred five"),
        ("a hundred and twenty one minutes", "one hundred twenty one minutes"),
        ("a thousand and one", "one thousand one"),
        ("one hundred and no more", "one hundred and no more"),
        ("a timer for five minutes and ten seconds", "a timer for five minutes and ten seconds"),
    ],
)
def test_without_and(said: str, simpler: str) -> None:
    assert without_and(said) == simpler


def test_every_way_leads_back_to_hassils() -> None:
    engine = get_rbnf_engine("en")
    for number in range(1001):
        spelled = engine.format_number(number).text.replace("-", " ")
        assert {without_and(way) for way in ways_to_say(number)} == {spelled}
    assert ways_to_say(105) == ("one hundred five", "one hundred and five", "a hundred five", "a hundred and five")
