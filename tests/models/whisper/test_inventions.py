import pytest

from models.whisper.guard import Attempt
from models.whisper.inventions import is_invention, without_annotations

SURE, HESITANT = -0.1, -0.6


def attempt(text: str, log_probability: float = HESITANT, no_speech: float = 0.05) -> Attempt:
    return Attempt(text, [], True, log_probability, no_speech, "en")


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        " Thanks for watching. ",
        "Thank you. Thank you. Thank you.",
        "Untertitel der Amara.org-Community",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Субтитры сделал DimaTorzok",
        "ご視聴ありがとうございました",
        "謝謝觀看",
    ],
)
def test_what_films_end_with_is_left_out_where_it_is_not_sure(text: str) -> None:
    assert is_invention(attempt(text), spoken=3.0)
    assert not is_invention(attempt(text, SURE), spoken=3.0)


def test_a_sure_text_is_left_out_where_nobody_can_have_said_so_much() -> None:
    text = attempt("Thank you for watching!", SURE)
    assert is_invention(text, spoken=0.3)
    assert not is_invention(text, spoken=1.5)


def test_a_sure_text_is_left_out_where_there_may_be_no_speech() -> None:
    assert is_invention(attempt("Thank you.", SURE, no_speech=0.5), spoken=2.0)


@pytest.mark.parametrize(
    "text", ["Turn on the lights.", "Thank the cat.", "Stop.", "", "Thank you for watching the cat."]
)
def test_what_people_say_stays_however_unsure(text: str) -> None:
    assert not is_invention(attempt(text, -0.9, 0.5), spoken=0.3)


def test_the_words_to_expect_are_no_text() -> None:
    hints = "kitchen lamp, big fan, office"
    assert is_invention(attempt("Kitchen lamp, big fan."), 3.0, hints)
    assert not is_invention(attempt("Kitchen lamp, big fan.", SURE), 3.0, hints)
    assert not is_invention(attempt("Big fan."), 3.0, hints)
    assert not is_invention(attempt("Lamp in the big office."), 3.0, hints)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[Music]", ""),
        ("(applause) *sighs*", ""),
        ("♪♪", ""),
        ("...", ""),
        ("[door] Turn on the lights. ♪", "Turn on the lights."),
        ("What time is it?", "What time is it?"),
        ("今何時ですか", "今何時ですか"),
    ],
)
def test_annotations_are_taken_out(text: str, left: str) -> None:
    assert without_annotations(text) == left
