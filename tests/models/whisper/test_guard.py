import pytest

from models.whisper.guard import Attempt, settled


def attempt(text: str = "what time is it", **changed: object) -> Attempt:
    values: dict[str, object] = {
        "text": text,
        "tokens": [hash(word) for word in text.split()],
        "ended": True,
        "log_probability": -0.2,
        "no_speech": 0.01,
        "language": "en",
    }
    return Attempt(**{**values, **changed})  # type: ignore[arg-type]


def test_a_good_one_is_sure() -> None:
    assert attempt().doubt() == ""
    assert attempt().is_sure


def test_one_that_hesitated_is_not_sure_and_not_doubted() -> None:
    hesitant = attempt(log_probability=-0.7)
    assert hesitant.doubt() == ""
    assert not hesitant.is_sure


@pytest.mark.parametrize(
    ("doubted", "why"),
    [
        (attempt(ended=False), "it has no end"),
        (attempt("and then he said " * 20), "it compresses"),
        (attempt("turn it on turn it on turn it on turn it on"), "it says the same 4 times"),
        (attempt("no no no no no"), "it says the same 5 times"),
        (attempt(log_probability=-1.3), "it is a guess (-1.30)"),
    ],
)
def test_what_can_hardly_have_been_said_is_doubted(doubted: Attempt, why: str) -> None:
    assert doubted.doubt().startswith(why)
    assert not doubted.is_sure


@pytest.mark.parametrize(
    ("tokens", "repeats"), [([], 1), ([1], 1), ([1, 2, 1, 2], 2), ([7, 1, 2, 3, 1, 2, 3, 1, 2, 3, 9], 3), ([4] * 6, 6)]
)
def test_repeats_are_counted(tokens: list[int], repeats: int) -> None:
    assert attempt(tokens=tokens).repeats == repeats


def test_an_empty_text_is_no_doubt() -> None:
    assert attempt("").doubt() == ""
    assert attempt("").compression == 0


def test_silence_needs_both_that_it_is_told_and_that_the_text_is_a_guess() -> None:
    assert attempt(no_speech=0.9, log_probability=-1.5).is_silence
    assert not attempt(no_speech=0.9, log_probability=-0.5).is_silence
    assert not attempt(no_speech=0.1, log_probability=-1.5).is_silence


def test_the_last_is_taken_where_it_is_good() -> None:
    good = attempt(log_probability=-0.9)
    assert settled([attempt(ended=False, log_probability=-0.1), good]) is good


def test_else_the_likeliest_that_is_no_endless_text() -> None:
    guess = attempt("something", log_probability=-1.1)
    endless = attempt(ended=False, log_probability=-0.1)
    repeated = attempt("you and me " * 30, log_probability=-0.05)
    assert settled([endless, guess, repeated, attempt("other", log_probability=-1.8)]) is guess


def test_nothing_is_believed_of_endless_texts_and_of_silence() -> None:
    assert settled([attempt(ended=False), attempt(ended=False)]) is None
    assert settled([attempt(), attempt(no_speech=0.9, log_probability=-1.5)]) is None
