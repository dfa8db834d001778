import pytest

from models.llama.calls import ONLY_TALKS
from models.sentences.house import Area, House, Name, load_house
from wyoming_servers import persona


def test_the_model_is_told_of_the_house_and_may_act_in_it() -> None:
    told = persona.arguments(load_house(), "You are Jeeves.")
    assert told["system_prompt"].startswith("You are Jeeves. The rooms of the house: living room, kitchen,")
    assert "desk lamp (office)" in told["system_prompt"]
    assert told["actions"] == load_house()


def test_who_may_not_act_is_told_so() -> None:
    told = persona.arguments(load_house(), acts=False)
    assert told["system_prompt"].endswith(ONLY_TALKS)
    assert "actions" not in told


def test_of_a_large_house_what_can_be_switched_goes_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    names = [Name(f"thing {number}", "light" if number % 500 == 0 else "sensor") for number in range(5000)]
    house = House(names=tuple(names), areas=tuple(Area(f"room {number}") for number in range(100)))
    known = persona.known(house)
    assert [name.name for name in known.names[:10]] == [f"thing {number}" for number in range(0, 5000, 500)]
    assert "a language model is told of 40 of 5000 names" in caplog.text
    assert "a language model is told of 30 of 100 areas" in caplog.text
    assert len(persona.arguments(house)["system_prompt"]) < 2000
    assert persona.known(load_house()) == load_house()
