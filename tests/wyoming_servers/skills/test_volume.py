from models.engine import Intent
from tests.wyoming_servers.skills.requests import ask, done, said


def test_set() -> None:
    answer = ask("HassSetVolume", {"volume_level": 50}, volume=20)
    assert answer.text == "The volume is 50 percent."
    assert done(answer) == [("volume-set", {"percent": 50})]


def test_louder_and_quieter_within_bounds() -> None:
    assert done(ask("HassSetVolumeRelative", {"volume_step": "up"}, volume=50)) == [("volume-set", {"percent": 60})]
    assert done(ask("HassSetVolumeRelative", {"volume_step": -20.0}, volume=50)) == [("volume-set", {"percent": 30})]
    assert done(ask("HassSetVolumeRelative", {"volume_step": "down"}, volume=3)) == [("volume-set", {"percent": 0})]


def test_what_is_spoken_to_has_no_volume() -> None:
    assert "cannot set the volume" in said("HassSetVolume", {"volume_level": 50})
    assert "do not know how loud" in said("HearthGetVolume")


def test_tell() -> None:
    assert said("HearthGetVolume", volume=70) == "The volume is 70 percent."


def test_home_assistant_sets_any_volume() -> None:
    for intent, slots in (("HassSetVolume", {"volume_level": 50}), ("HassSetVolumeRelative", {"volume_step": "up"})):
        assert ask(intent, slots, actions=None).wanted == Intent(intent, slots)


def test_the_volume_of_something_else_is_the_homes_affair() -> None:
    assert said("HassSetVolume", {"volume_level": 50, "name": "radio"}, volume=20) == (
        "I understood: set the volume of the radio to 50 percent. But no player is connected to me yet."
    )
    assert said("HassSetVolumeRelative", {"volume_step": "down", "area": "kitchen"}, volume=20) == (
        "I understood: turn down the volume of the players in the kitchen. But no player is connected to me yet."
    )
