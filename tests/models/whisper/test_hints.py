from models.whisper.hints import MOST_TOKENS, hints, takes_hints


def words(text: str) -> list[int]:
    return [1] * len(text.split())


def test_names_come_before_terms_and_those_before_the_house() -> None:
    text = hints(["Ada"], ["humidifier"], ["kitchen", "big lamp"], tokens=words)
    assert text == "Ada, humidifier, kitchen, big lamp"


def test_each_stands_there_once() -> None:
    assert hints(["Kitchen"], ["kitchen"], ["KITCHEN", "hall"], tokens=words) == "Kitchen, hall"


def test_what_does_not_fit_is_left_out_whole() -> None:
    text = hints([], [], [f"two{number} words" for number in range(500)], tokens=words)
    assert len(words(text)) == MOST_TOKENS
    assert text.endswith(" words")


def test_nothing_of_a_client_gets_into_the_prompt_but_short_words() -> None:
    strange = ["<|startoftranscript|>", "", "  ", "x" * 100, "a,b", "line\nbreak"]
    assert hints(strange, [], [], tokens=words) == "startoftranscript|>, a b, line break"


def test_many_names_of_a_client_are_no_work() -> None:
    calls = 0

    def tokens(text: str) -> list[int]:
        nonlocal calls
        calls += 1
        return []

    hints([str(number) for number in range(100_000)], [str(-number) for number in range(100_000)], [], tokens=tokens)
    assert calls <= 400


def test_distilled_models_take_none() -> None:
    assert takes_hints("whisper-base.en")
    assert not takes_hints("models--Systran--faster-distil-whisper-small.en")
