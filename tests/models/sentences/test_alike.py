from __future__ import annotations

import logging

import pytest

from models.sentences.alike import alike
from models.sentences.house import Area, House, Name

pytest.importorskip("pocketsphinx", reason="pip install 'wyoming-hearth[asr]', whose dictionary tells")


def test_names_that_sound_alike_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    names = (
        Name("Blew Lamp", "light", "attic"),
        Name("lamp", "light", None, ("blue-lamp",)),
        Name("red lamp", "light", None, ("read lamp",)),
        Name("ice cream", "switch"),
        Name("I scream", "switch"),
        Name("green lamp", "light"),
        Name("green lamps", "light"),
    )
    found = alike(House(areas=(Area("hall"), Area("haul"), Area("attic")), names=names))
    assert found == {
        "blew lamp": ("blue-lamp",),
        "blue-lamp": ("blew lamp",),
        "red lamp": ("read lamp",),
        "read lamp": ("red lamp",),
        "ice cream": ("i scream",),
        "i scream": ("ice cream",),
    }
    things, areas = (record.getMessage() for record in caplog.records)
    assert things.startswith("'blew lamp' and 'blue-lamp'; 'i scream' and 'ice cream' sound alike: nobody hears which")
    assert areas.startswith("'hall' and 'haul' sound alike: nobody hears in which")


def test_nothing_alike(caplog: pytest.LogCaptureFixture) -> None:
    assert alike(House()) == {}
    assert alike(House(areas=(Area("attic"),), names=(Name("lamp", "light"), Name("lamp", "light", "attic")))) == {}
    assert not caplog.records


def test_a_light_that_is_called_as_all_of_its_room(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    light, other = Name("Office Light", "light", "office"), Name("desk lamp", "light", "office")
    alike(House(areas=(Area("office"),), names=(light, Name("office lamp", "switch", "office"))))
    assert not caplog.records  # the only light, so it is all the same
    alike(House(areas=(Area("office"),), names=(light, other)))
    (told,) = caplog.messages
    assert told.startswith("'Office Light': one light of several in a room")
