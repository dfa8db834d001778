from models.sentences.house import House
from tests.wyoming_servers.skills.requests import said


def test_time() -> None:
    assert said("HassGetCurrentTime") == "It is 3:05 PM."
    assert said("HassGetCurrentTime", house=House(clock=24)) == "It is 15:05."


def test_date_and_day() -> None:
    assert said("HassGetCurrentDate") == "It is November 22nd, 2026."
    assert said("HearthGetDay") == "It is Sunday, November 22nd, 2026."
