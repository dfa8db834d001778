from models.whisper.agreement import Agreement, rest_of


def test_what_two_in_a_row_begin_with_is_certain_but_for_the_last_word() -> None:
    agreement = Agreement()
    agreement.hear("Turn on")
    assert agreement.words == []
    agreement.hear("Turn on the lie")
    assert agreement.words == ["Turn"]
    agreement.hear("Turn on the lights in")
    assert agreement.words == ["Turn", "on", "the"]


def test_it_never_takes_a_word_back() -> None:
    agreement = Agreement()
    for text in ("Turn on the", "Turn on the", "Turn off the", "Turn off the", ""):
        agreement.hear(text)
        assert agreement.words in ([], ["Turn", "on"])
    assert agreement.words == ["Turn", "on"]


def test_the_rest_of_a_text() -> None:
    assert rest_of("Turn on the lights.", []) == "Turn on the lights."
    assert rest_of("Turn on the lights.", ["Turn", "on"]) == "the lights."
    assert rest_of("Turn on", ["Turn", "on"]) == ""
    assert rest_of("Turn off the lights.", ["Turn", "on"]) is None
    assert rest_of("Turn", ["Turn", "on"]) is None
