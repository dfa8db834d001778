from __future__ import annotations

import pytest

from satellite.mqtt.sight import (
    BLIND_S,
    CHANGE_S,
    HOLD_S,
    IMAGE_CHANGE_S,
    IMAGE_SAME_S,
    SAME_S,
    Due,
    Sight,
)
from wyoming_servers.wire.image import LabelScore


def label(name: str, score: float = 0.9) -> LabelScore:
    return LabelScore(name, 0, score)


def test_the_best_label_is_told_at_once_and_then_now_and_then() -> None:
    sight = Sight(fps=10)
    assert sight.passed(0.0) == Due(label=True)  # that nobody looks
    assert sight.name is None
    assert sight.looked([label("cat", 0.4), label("dog", 0.8)], 1.0) == Due(label=True, image=True)
    assert sight.name == "dog"
    assert sight.looked([label("dog", 0.7)], 1.1) == Due()
    assert sight.looked([label("dog", 0.7)], 1.0 + SAME_S) == Due(label=True)
    assert sight.looked([label("cat")], 1.1 + SAME_S) == Due(image=True)  # the label was told just before
    assert sight.looked([label("cat")], 1.0 + SAME_S + CHANGE_S) == Due(label=True)


def test_labels_that_alternate_do_not_flood_the_house() -> None:
    sight = Sight(fps=60)
    due = [sight.looked([label("cat" if frame % 2 else "dog")], frame / 60) for frame in range(600)]
    assert 45 <= sum(one.label for one in due) <= 10 / CHANGE_S + 1
    assert sum(one.image for one in due) <= 10 / IMAGE_CHANGE_S + 1


def test_images_of_the_same_come_seldom_and_none_of_nothing() -> None:
    sight = Sight(fps=10)
    due = [sight.looked([label("cat")], frame / 10).image for frame in range(1000)]
    assert due.count(True) == 100 / IMAGE_SAME_S
    assert sight.looked([], 200.0) == Due(label=True)
    assert sight.name == "nothing"


def test_a_person_is_there_for_a_while_after_they_were_last_seen() -> None:
    sight = Sight(fps=1)
    assert sight.person is None
    sight.looked([label("dog"), label("person", 0.3)], 100.0)
    assert sight.person is True
    for second in range(1, 10):
        sight.looked([label("dog")], 100.0 + second)
        assert sight.person is True
    sight.looked([], 100.1 + HOLD_S)
    assert sight.person is False
    sight.looked([label("person")], 120.0)
    assert sight.person is True


@pytest.mark.parametrize(("fps", "after"), [(30.0, BLIND_S), (0.1, 30.0)])
def test_who_does_not_look_knows_nothing(fps: float, after: float) -> None:
    sight = Sight(fps)
    sight.looked([label("person")], 100.0)
    assert sight.passed(99.0 + after) == Due()
    assert sight.name == "person"
    assert sight.passed(101.0 + after) == Due(label=True)
    assert [sight.name, sight.person] == [None, None]
    assert sight.passed(102.0 + after) == Due()
    sight.looked([], 200.0)
    assert sight.person is False


def test_switched_off_it_knows_nothing_at_once() -> None:
    sight = Sight(fps=1)
    sight.looked([label("person")], 100.0)
    sight.blind()
    assert sight.passed(100.0) == Due(label=True)
    assert [sight.name, sight.person] == [None, None]
