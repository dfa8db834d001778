import pytest

from models.endpoint import LAG, SILENCE, SPEECH, EndOfTurn, Pauses
from models.engine import SAMPLE_RATE

MS = SAMPLE_RATE // 1000
LAG_MS = LAG // MS


def hear(turn: EndOfTurn, ms: int, probability: float) -> None:
    for _ in range(ms):
        turn.hear(probability, MS)


def until_over(turn: EndOfTurn, probability: float = 0.0, most: int = 30_000) -> int:
    """Return the milliseconds that are heard until the turn is over."""
    for ms in range(most):
        if turn.is_over():
            return ms
        turn.hear(probability, MS)
    raise AssertionError("the turn does not end")


def spoken(ms: int = 1000) -> EndOfTurn:
    turn = EndOfTurn()
    hear(turn, ms, 1.0)
    return turn


@pytest.mark.parametrize(
    ("complete", "continuing", "pause"),
    [(True, False, 250), (True, True, 500), (False, True, 700), (False, False, 700)],
)
def test_how_long_a_pause_ends_the_turn(complete: bool, continuing: bool, pause: int) -> None:
    turn = spoken()
    turn.say(["stop"], complete=complete, continuing=continuing)
    assert until_over(turn) == pause - LAG_MS
    assert turn.silence() == pause / 1000


def test_without_words_the_longest_pause_counts() -> None:
    assert until_over(spoken()) == 700 - LAG_MS


def test_words_must_be_steady() -> None:
    turn = spoken()
    turn.say(["turn", "it"], complete=False, continuing=True)
    hear(turn, 100, 0.0)
    turn.say(["turn", "it", "off"], complete=True, continuing=False)
    assert until_over(turn) == 200
    turn = spoken()
    for _ in range(100):  # the same words, told again and again, are steady
        turn.say(["stop"], complete=True, continuing=False)
        hear(turn, 1, 0.0)
    assert until_over(turn) == 250 - LAG_MS - 100


def test_who_goes_on_speaking_is_not_interrupted() -> None:
    turn = spoken()
    turn.say(["turn", "on"], complete=False, continuing=True)
    hear(turn, 600, 0.0)
    assert not turn.is_over()
    hear(turn, 500, 1.0)
    assert turn.silence() == 0
    assert not turn.is_over()
    assert until_over(turn) == 700 - LAG_MS


def test_between_the_two_thresholds_speech_goes_on_but_does_not_begin() -> None:
    turn = EndOfTurn()
    hear(turn, 1000, (SPEECH + SILENCE) / 2)
    assert not turn.begun
    hear(turn, 300, SPEECH)
    hear(turn, 1000, SILENCE)
    assert turn.begun
    assert turn.silence() == 0
    assert turn.spoken == 1.3
    assert until_over(turn, SILENCE - 0.01) == 700 - LAG_MS


def test_nothing_said_ends_after_fifteen_seconds() -> None:
    assert until_over(EndOfTurn()) == 15_000
    clicks = EndOfTurn()
    for _ in range(10):
        hear(clicks, 90, 1.0)
        hear(clicks, 110, 0.0)
    assert not clicks.begun
    assert clicks.spoken == 0
    assert until_over(clicks) == 13_000


def test_a_cough_is_forgotten() -> None:
    turn = EndOfTurn()
    hear(turn, 1000, 0.0)
    hear(turn, 200, 1.0)
    assert turn.begun
    hear(turn, 700, 0.0)
    assert not turn.begun
    assert until_over(turn) == 15_000 - 1900


def test_a_short_sentence_is_no_cough() -> None:
    turn = spoken(200)
    turn.say(["stop"], complete=True, continuing=False)
    assert until_over(turn) == 250 - LAG_MS
    assert turn.begun


def test_the_longest_turn_counts_from_its_first_word() -> None:
    turn = EndOfTurn()
    hear(turn, 5000, 0.0)
    assert until_over(turn, 1.0) == 20_000


def test_samples_that_wait_for_a_window_count() -> None:
    turn = spoken()
    turn.say(["stop"], complete=True, continuing=False)
    hear(turn, 200, 0.0)
    missing = (250 - LAG_MS - 200) * MS
    assert not turn.is_over(waiting=missing - 1)
    assert turn.is_over(waiting=missing)
    assert EndOfTurn().silence(waiting=MS) == 0


def test_other_pauses() -> None:
    turn = EndOfTurn(Pauses(nothing=1.0))
    assert until_over(turn) == 1000
